#include "shared/channels/channel_config.hpp"

#include "shared/base/strings.hpp"
#include "shared/conda/platform.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace athanor {
namespace {

constexpr std::string_view k_defaults = "defaults";
constexpr std::array<std::string_view, 2> k_default_channels = {
    "https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"};
constexpr std::string_view k_windows_channel = "https://repo.anaconda.com/pkgs/msys2";
constexpr std::array<std::string_view, 8> k_schemes = {"http", "https", "file", "s3",
                                                       "gs",   "az",    "oci",  "ftp"};

bool is_path(std::string_view text) {
  return text.starts_with("./") || text.starts_with("..") || text.starts_with('~') ||
         text.starts_with('/') || text == ".";
}

// The host of "host:port/path"; "" of "/path".
std::string_view host_and_port(std::string_view location) {
  return location.substr(0, location.find('/'));
}

// What follows the prefix, without slashes. REQUIRES: begins_with_segments.
std::string_view behind(std::string_view text, std::string_view prefix) {
  return strip_slashes(text.substr(prefix.size()));
}

}  // namespace

ChannelConfig::ChannelConfig(ChannelSettings settings)
    : settings_(std::move(settings)) {
  if (auto alias = split_channel_url(settings_.channel_alias)) {
    alias_ = std::move(*alias);
  } else {
    alias_ = *split_channel_url(ChannelSettings{}.channel_alias);
  }
  for (const std::string& text : settings_.migrated_channel_aliases) {
    if (auto alias = split_channel_url(text)) {
      migrated_aliases_.push_back(std::move(*alias));
    }
  }
  for (const auto& [name, urls] : settings_.custom_multichannels) {
    std::vector<ChannelPlace> parts;
    for (const std::string& url : urls) {
      parts.push_back(simple_channel(url, {}));
    }
    multichannels_.emplace_back(name, std::move(parts));
  }
  std::erase_if(multichannels_, [](const auto& entry) { return entry.first == k_defaults; });
  multichannels_.emplace_back(k_defaults, defaults({}));
  // Later ones take the place of earlier ones of the same name, as in conda's dictionary.
  std::map<std::string, ChannelPlace> by_name;
  for (const auto& [multichannel, parts] : multichannels_) {
    for (const ChannelPlace& part : parts) {
      by_name[part.name] = part;
    }
  }
  for (const auto& [name, url] : settings_.custom_channels) {
    ChannelPlace place = simple_channel(url, name);
    by_name[place.name] = place;
  }
  for (auto& [name, place] : by_name) {
    custom_.push_back(std::move(place));
  }
  std::stable_sort(custom_.begin(), custom_.end(),
                   [](const auto& a, const auto& b) { return a.name.size() > b.name.size(); });
  for (const auto& [name, urls] : settings_.mirrored_channels) {
    for (const std::string& url : urls) {
      const auto mirror = split_channel_url(url);
      if (mirror && !(mirror->auth.empty() && mirror->token.empty())) {
        secret_mirrors_.emplace_back(*mirror, url);
      }
    }
  }
}

// A part of a multichannel (no `name`), or a custom channel.
ChannelPlace ChannelConfig::simple_channel(std::string_view text, std::string_view name) const {
  auto place = has_scheme(text) ? split_channel_url(text) : std::nullopt;
  if (!place) {
    ChannelPlace below = alias_;
    below.name = strip_slashes(name.empty() ? text : name);
    return below;
  }
  if (!name.empty()) {
    place->name = strip_slashes(name);
  } else if (begins_with_segments(place->location, alias_.location)) {
    place->name = behind(place->location, alias_.location);
    place->location = alias_.location;
  } else {
    const std::string host(host_and_port(place->location));
    place->name = behind(place->location, host);
    place->location = host;
  }
  return *place;
}

std::vector<ChannelPlace> ChannelConfig::defaults(std::string_view platform) const {
  std::vector<ChannelPlace> parts;
  if (settings_.default_channels) {
    for (const std::string& text : *settings_.default_channels) {
      parts.push_back(simple_channel(text, {}));
    }
    return parts;
  }
  for (const std::string_view url : k_default_channels) {
    parts.push_back(simple_channel(url, {}));
  }
  if (platform.starts_with("win-")) {
    parts.push_back(simple_channel(k_windows_channel, {}));
  }
  return parts;
}

ChannelPlace ChannelConfig::place_of_name(std::string_view text) const {
  std::string name(strip_slashes(text));
  std::string subdir;
  split_subdir(name, subdir);
  // "a/b/c" is looked up as itself, then as "a/b", then as "a"; the name stays whole.
  ChannelPlace place = alias_;
  std::string_view candidate = name;
  while (!candidate.empty()) {
    const auto custom = std::find_if(custom_.begin(), custom_.end(),
                                     [&](const auto& known) { return known.name == candidate; });
    if (custom != custom_.end()) {
      place = *custom;
      break;
    }
    const std::size_t slash = candidate.rfind('/');
    candidate = slash == std::string_view::npos ? std::string_view() : candidate.substr(0, slash);
  }
  place.name = name;
  place.subdir = subdir;
  return place;
}

// Where a channel that has moved is now; absent if the URL isn't one's old place.
std::optional<ChannelPlace> ChannelConfig::new_place(const std::string& whole) const {
  NamedUrls migrated = settings_.migrated_custom_channels;
  std::stable_sort(migrated.begin(), migrated.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  for (const auto& [name, url] : migrated) {
    const auto old = split_channel_url(url);
    const std::string prefix = old ? join_path(old->location, name) : std::string();
    if (begins_with_segments(whole, prefix)) {
      return place_of_name(join_path(name, behind(whole, prefix)));
    }
  }
  for (const ChannelPlace& old : migrated_aliases_) {
    if (begins_with_segments(whole, old.location)) {
      ChannelPlace place = alias_;
      place.name = behind(whole, old.location);
      return place;
    }
  }
  return std::nullopt;
}

// `whole` is all of a URL's location; the answer is split into what conda looks names up in and the
// name, with the credentials that are configured for it.
ChannelPlace ChannelConfig::known_place(const std::string& whole) const {
  for (const ChannelPlace& custom : custom_) {
    const std::string prefix = join_path(custom.location, custom.name);
    if (begins_with_segments(whole, prefix)) {
      ChannelPlace place = custom;
      place.name = join_path(custom.name, behind(whole, prefix));
      return place;
    }
  }
  ChannelPlace place;
  if (begins_with_segments(whole, alias_.location)) {
    place = alias_;
    place.name = behind(whole, alias_.location);
  } else if (whole.starts_with('/')) {  // a file URL: the last segment is the name
    const std::size_t slash = whole.rfind('/');
    place.location = slash == 0 ? "/" : whole.substr(0, slash);
    place.name = whole.substr(slash + 1);
  } else {
    // A server's own path; "/conda" in front belongs to the server, by conda's rule.
    place.location = host_and_port(whole);
    std::string_view rest = behind(whole, place.location);
    if (rest == "conda" || rest.starts_with("conda/")) {
      place.location += "/conda";
      rest = strip_slashes(rest.substr(std::string_view("conda").size()));
    }
    place.name = rest;
  }
  return place;
}

// `spelled` has all of the URL's path in its location.
ChannelPlace ChannelConfig::place_of_url(const ChannelPlace& spelled) const {
  const std::string& whole = spelled.location;
  if (!whole.empty() && whole == host_and_port(whole)) {
    return spelled;
  }
  const auto moved = new_place(whole);
  ChannelPlace place = moved ? *moved : known_place(whole);
  place.moved = moved.has_value();
  if (!place.moved) {
    place.scheme = spelled.scheme;
  }
  place.auth = spelled.auth.empty() ? place.auth : spelled.auth;
  place.token = spelled.token.empty() ? place.token : spelled.token;
  place.subdir = spelled.subdir;
  place.filename = spelled.filename;
  return place;
}

std::string ChannelConfig::canonical_name(const ChannelPlace& place) const {
  for (const auto& [name, parts] : multichannels_) {
    for (const ChannelPlace& part : parts) {
      if (place.name == part.name && place.location == part.location) {
        return name;
      }
    }
  }
  if (!place.name.empty()) {
    const bool custom = std::any_of(custom_.begin(), custom_.end(), [&](const auto& known) {
      return place.location == known.location && begins_with_segments(place.name, known.name);
    });
    const bool below_alias =
        place.location == alias_.location ||
        std::any_of(migrated_aliases_.begin(), migrated_aliases_.end(),
                    [&](const auto& alias) { return alias.location == place.location; });
    if (custom || below_alias) {
      return place.name;
    }
  }
  return place.base_url();
}

Channel ChannelConfig::channel_of(const ChannelPlace& place) const {
  Channel channel{.name = canonical_name(place),
                  .base_url = place.base_url(),
                  .fetch_url = place.secret_base_url(),
                  .subdir = place.subdir};
  for (const auto& [name, urls] : settings_.mirrored_channels) {
    const std::string_view key = strip_slashes(name);
    if (key == channel.name || key == place.name || key == channel.base_url) {
      for (const std::string& url : urls) {
        std::string mirror = url;
        while (mirror.ends_with('/')) {
          mirror.pop_back();
        }
        if (mirror != channel.base_url && mirror != channel.fetch_url) {
          channel.mirrors.push_back(std::move(mirror));
        }
      }
    }
  }
  return channel;
}

Result<std::vector<ChannelPlace>> ChannelConfig::places_of(std::string_view text,
                                                           std::string_view platform) const {
  const std::string shown = "'" + printable(redact_url(text), 200) + "'";
  std::string url(trim(text));
  if (!has_scheme(url) && is_path(url)) {
    std::filesystem::path path(url);
    if (url.starts_with('~')) {
      path = settings_.home / strip_slashes(std::string_view(url).substr(1));
    }
    path = (settings_.working_directory / path).lexically_normal();
    url = "file://" + percent_encode(path.string(), KeepSlash::yes);
  }
  if (has_scheme(url)) {
    const auto spelled = split_channel_url(url);
    if (!spelled ||
        std::find(k_schemes.begin(), k_schemes.end(), spelled->scheme) == k_schemes.end()) {
      return make_error(ErrorKind::invalid, "the channel " + shown + " is no URL that can be read",
                        "a channel is a name, a path or a URL such as https://host/channel");
    }
    return std::vector{place_of_url(*spelled)};
  }
  const bool odd = std::any_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '\\' || c == ':' ||
           c == '?' || c == '#' || c == '@';
  });
  if (odd || strip_slashes(url).empty() || !is_utf8(url)) {
    return make_error(ErrorKind::invalid, shown + " is no name of a channel",
                      "a channel is a name, a path or a URL such as https://host/channel");
  }
  std::string name(strip_slashes(url));
  std::string subdir;
  split_subdir(name, subdir);
  if (name == k_defaults && !settings_.default_channels) {
    auto parts = defaults(platform.empty() ? subdir : platform);
    for (ChannelPlace& part : parts) {
      part.subdir = subdir;
    }
    return parts;
  }
  for (const auto& [multichannel, parts] : multichannels_) {
    if (multichannel == name) {
      auto chosen = parts;
      for (ChannelPlace& part : chosen) {
        part.subdir = subdir;
      }
      return chosen;
    }
  }
  return std::vector{place_of_name(url)};
}

Result<void> ChannelConfig::check_lists(const std::vector<Channel>& channels,
                                        std::string_view platform) const {
  const auto base_urls = [&](const std::vector<std::string>& texts) {
    std::set<std::string> urls;
    for (const std::string& text : texts) {
      if (const auto places = places_of(text, platform)) {
        for (const ChannelPlace& place : *places) {
          urls.insert(place.base_url());
        }
      }
    }
    return urls;
  };
  const std::set<std::string> denied = base_urls(settings_.denylist_channels);
  const std::set<std::string> allowed = base_urls(settings_.allowlist_channels);
  for (const Channel& channel : channels) {
    if (denied.contains(channel.base_url)) {
      return make_error(ErrorKind::rejected, "the channel " + channel.base_url + " is forbidden",
                        "conda's configuration names it in denylist_channels");
    }
    if (!settings_.allowlist_channels.empty() && !allowed.contains(channel.base_url)) {
      return make_error(ErrorKind::rejected,
                        "the channel " + channel.base_url + " is none of those that are allowed",
                        "conda's configuration names these in allowlist_channels");
    }
  }
  return {};
}

Result<std::vector<Channel>> ChannelConfig::resolve(std::string_view text,
                                                    std::string_view platform) const {
  ATHANOR_ASSIGN(const std::vector<ChannelPlace> places, places_of(text, platform));
  std::vector<Channel> channels;
  for (const ChannelPlace& place : places) {
    channels.push_back(channel_of(place));
  }
  ATHANOR_TRY(check_lists(channels, platform));
  return channels;
}

Result<std::vector<Channel>> ChannelConfig::resolve_all(const std::vector<std::string>& texts,
                                                        std::string_view platform) const {
  std::vector<Channel> channels;
  std::set<std::pair<std::string, std::string>> seen;
  for (const std::string& text : texts) {
    ATHANOR_ASSIGN(std::vector<Channel> some, resolve(text, platform));
    for (Channel& channel : some) {
      if (seen.emplace(channel.base_url, channel.subdir).second) {
        channels.push_back(std::move(channel));
      }
    }
  }
  return channels;
}

std::optional<std::string> ChannelConfig::with_credentials(std::string_view text) const {
  const auto url = Url::parse(text);
  const auto spelled = split_channel_url(text);
  if (!url || !spelled || !spelled->auth.empty() || !spelled->token.empty()) {
    return std::nullopt;
  }
  const std::string whole = url->netloc() + url->path;
  for (const auto& [mirror, secret_url] : secret_mirrors_) {
    if (mirror.scheme == url->scheme && begins_with_segments(whole, mirror.location)) {
      const std::string query = url->query.empty() ? "" : "?" + url->query;
      return join_path(secret_url, whole.substr(mirror.location.size())) + query;
    }
  }
  const ChannelPlace place = place_of_url(*spelled);
  if (place.moved || (place.auth.empty() && place.token.empty())) {
    return std::nullopt;
  }
  // A lock file from elsewhere can't have a password sent without encryption by writing http.
  if (known_place(spelled->location).scheme != spelled->scheme) {
    return std::nullopt;
  }
  std::string result =
      place.token.empty() ? url->spell() : with_token(text, place.token).value_or(url->spell());
  if (!place.auth.empty()) {
    result.insert(result.find("://") + 3, place.auth + "@");
  }
  return result;
}

std::optional<std::string> ChannelConfig::with_token(std::string_view text,
                                                     std::string_view token) const {
  const auto url = Url::parse(text);
  const auto spelled = split_channel_url(text);
  if (!url || !spelled || token.empty()) {
    return std::nullopt;
  }
  const ChannelPlace place = place_of_url(*spelled);
  // A moved channel's location isn't in this URL: its own host counts.
  const std::string location =
      place.moved ? std::string(host_and_port(spelled->location)) : place.location;
  if (location.size() < url->netloc().size()) {
    return std::nullopt;
  }
  Url changed = *url;
  changed.path.insert(location.size() - url->netloc().size(), "/t/" + std::string(token));
  return changed.spell();
}

std::vector<std::string> ChannelConfig::mirrored(std::string_view text) const {
  std::vector<std::string> urls;
  const auto spelled = split_channel_url(text);
  if (!spelled || settings_.mirrored_channels.empty()) {
    return urls;
  }
  const ChannelPlace place = place_of_url(*spelled);
  const std::string below = join_path(place.subdir, place.filename);
  for (const std::string& mirror : channel_of(place).mirrors) {
    urls.push_back(join_path(mirror, below));
  }
  return urls;
}

}  // namespace athanor
