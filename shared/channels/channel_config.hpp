#pragma once

#include "shared/base/result.hpp"
#include "shared/channels/channel_place.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

// In the order in which they were written down: it decides where several fit.
using NamedUrls = std::vector<std::pair<std::string, std::string>>;
using NamedUrlLists = std::vector<std::pair<std::string, std::vector<std::string>>>;

// What people tell conda about channels, with conda's defaults. URLs may hold credentials.
struct ChannelSettings {
  std::string channel_alias = "https://conda.anaconda.org";
  // What is searched where nothing else is said, most important first.
  std::vector<std::string> channels = {"defaults"};
  // What "defaults" means. Absent: conda's own, which depend on the platform.
  std::optional<std::vector<std::string>> default_channels{};
  NamedUrls custom_channels = {{"pkgs/pro", "https://repo.anaconda.com"}};  // name → its parent
  NamedUrlLists custom_multichannels{};
  std::vector<std::string> migrated_channel_aliases{};
  NamedUrls migrated_custom_channels{};
  NamedUrlLists mirrored_channels{};  // mamba's: name or URL → where else it can be had
  std::vector<std::string> allowlist_channels{};  // if not empty, no others
  std::vector<std::string> denylist_channels{};
  // For channels that are named as paths.
  std::filesystem::path working_directory{};
  std::filesystem::path home{};
};

// One place that holds subdirs ("linux-64", "noarch") with repodata.
struct Channel {
  // What conda calls it: "conda-forge", or "defaults" for each of its parts; the base URL where
  // there is no shorter name. Safe to print.
  std::string name{};
  std::string base_url{};   // without credentials and final slash: "https://host/conda-forge"
  std::string fetch_url{};  // with the credentials that are known for it; a secret if it has any
  std::string subdir{};     // if what was asked for named one ("conda-forge/linux-64"); else empty
  std::vector<std::string>
      mirrors{};  // base URLs where the same can be had, in order; may be secret
};

// From names and URLs of channels to where they are, by conda's rules. Immutable, thread-safe.
class ChannelConfig {
 public:
  explicit ChannelConfig(ChannelSettings settings = {});

  const ChannelSettings& settings() const { return settings_; }

  // A name ("conda-forge", "defaults", "pkgs/main"), a URL or a path: the channels it stands for,
  // most important first. `platform` ("win-64") matters for conda's own "defaults" only. invalid:
  // neither name, URL nor path; rejected: the lists of allowed and denied channels exclude it.
  Result<std::vector<Channel>> resolve(std::string_view text, std::string_view platform = {}) const;
  // The same for several, each base URL once.
  Result<std::vector<Channel>> resolve_all(const std::vector<std::string>& texts,
                                           std::string_view platform = {}) const;

  // The URL with the user, password or token that the settings name for its channel
  // ("custom_channels: {mine: https://ann:secret@host}"). Absent if they name none or are for
  // another scheme, or if the URL has credentials already.
  std::optional<std::string> with_credentials(std::string_view url) const;
  // The URL with "/t/<token>" where conda puts it: behind the place that the channel's name is
  // looked up in. Absent if `url` isn't one.
  std::optional<std::string> with_token(std::string_view url, std::string_view token) const;

  // Where else a package or an index can be had: its URL at each mirror of its channel, in order.
  std::vector<std::string> mirrored(std::string_view url) const;

 private:
  Channel channel_of(const ChannelPlace& place) const;
  ChannelPlace place_of_name(std::string_view name) const;
  std::optional<ChannelPlace> new_place(const std::string& whole) const;
  ChannelPlace known_place(const std::string& whole) const;
  ChannelPlace place_of_url(const ChannelPlace& spelled) const;
  std::vector<ChannelPlace> defaults(std::string_view platform) const;
  ChannelPlace simple_channel(std::string_view text, std::string_view name) const;
  Result<std::vector<ChannelPlace>> places_of(std::string_view text,
                                              std::string_view platform) const;
  std::string canonical_name(const ChannelPlace& place) const;
  Result<void> check_lists(const std::vector<Channel>& channels, std::string_view platform) const;

  ChannelSettings settings_;
  ChannelPlace alias_;
  std::vector<ChannelPlace> migrated_aliases_;
  // Of the user, then conda's own "defaults".
  std::vector<std::pair<std::string, std::vector<ChannelPlace>>> multichannels_;
  std::vector<ChannelPlace> custom_;  // longest name first
  // Mirrors whose URLs hold credentials: without them ("host/path"), and as they were given.
  std::vector<std::pair<ChannelPlace, std::string>> secret_mirrors_;
};

}  // namespace athanor
