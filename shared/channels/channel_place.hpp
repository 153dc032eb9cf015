#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A channel's URL taken apart as conda does it: what is said about the way there, the location that
// the name is looked up in, and the name. "https://ann:pw@host/t/tk-1/conda-forge/linux-64" has
// the location "host" and the name "conda-forge" if "host" is the channel alias. A value.
struct ChannelPlace {
  std::string scheme{};    // lower case; empty if the text had none
  std::string auth{};      // "user:password" as spelled, a secret
  std::string token{};     // a secret
  std::string location{};  // "host", "host:port/path", "/path" for files; no final slash
  std::string name{};      // no slash at either end; may be empty
  std::string subdir{};    // a platform's folder, if one was named
  std::string filename{};  // a package file, if one was named
  bool moved = false;      // a migrated alias or channel: the location isn't the one in the URL

  std::string base_url() const;
  // The base URL with user, password and token in it.
  std::string secret_base_url() const;
};

// "a/b" + "/c/" = "a/b/c"; empty parts leave no slash.
std::string join_path(std::string_view first, std::string_view second);
std::string_view strip_slashes(std::string_view text);
// Whether `text` is `prefix` or goes on with "/" behind it.
bool begins_with_segments(std::string_view text, std::string_view prefix);

bool has_scheme(std::string_view text);

// Takes a URL apart; everything behind the host is in `location`, only subdir, package file, user,
// password and token are out of it. Absent if it is no URL.
std::optional<ChannelPlace> split_channel_url(std::string_view url);
// "conda-forge/linux-64" → "conda-forge" and "linux-64".
void split_subdir(std::string& text, std::string& subdir);

}  // namespace athanor
