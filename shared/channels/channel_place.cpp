#include "shared/channels/channel_place.hpp"

#include "shared/base/strings.hpp"
#include "shared/conda/artifact.hpp"
#include "shared/conda/platform.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <vector>

namespace athanor {
namespace {

bool is_subdir(std::string_view segment) {
  return segment == "noarch" || is_known_platform(segment);
}

bool is_package_file(std::string_view segment) {
  return segment.ends_with(".conda") || segment.ends_with(".tar.bz2");
}

// Takes "/t/<TOKEN>" out of a path.
std::string take_token(std::string& path) {
  constexpr std::string_view k_marker = "/t/";
  const std::size_t marker = path.find(k_marker);
  if (marker == std::string::npos) {
    return {};
  }
  const std::size_t begin = marker + k_marker.size();
  const std::size_t end = std::min(path.find('/', begin), path.size());
  std::string token = path.substr(begin, end - begin);
  path.erase(marker, end - marker);
  return token;
}

}  // namespace

std::string_view strip_slashes(std::string_view text) {
  while (text.starts_with('/')) {
    text.remove_prefix(1);
  }
  while (text.ends_with('/')) {
    text.remove_suffix(1);
  }
  return text;
}

std::string join_path(std::string_view first, std::string_view second) {
  std::string joined(first);
  while (joined.size() > 1 && joined.ends_with('/')) {
    joined.pop_back();
  }
  const std::string_view rest = strip_slashes(second);
  if (!rest.empty()) {
    joined += joined.empty() || joined.ends_with('/') ? "" : "/";
    joined += rest;
  }
  return joined;
}

bool begins_with_segments(std::string_view text, std::string_view prefix) {
  return !prefix.empty() && text.starts_with(prefix) &&
         (text.size() == prefix.size() || text[prefix.size()] == '/' || prefix.ends_with('/'));
}

bool has_scheme(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0) {
    return false;
  }
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+';
  });
}

void split_subdir(std::string& text, std::string& subdir) {
  for (const std::string_view segment : split(text, '/')) {
    const std::size_t at = static_cast<std::size_t>(segment.data() - text.data());
    if (at > 0 && is_subdir(segment)) {
      subdir = segment;
      text.erase(at - 1, subdir.size() + 1);
      break;
    }
  }
  while (text.size() > 1 && text.ends_with('/')) {
    text.pop_back();
  }
}

std::optional<ChannelPlace> split_channel_url(std::string_view text) {
  const auto url = Url::parse(text);
  if (!url) {
    return std::nullopt;
  }
  ChannelPlace place{.scheme = url->scheme, .auth = url->userinfo};
  std::string path = url->path;
  place.token = take_token(path);
  split_subdir(path, place.subdir);
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && is_package_file(std::string_view(path).substr(slash + 1))) {
    place.filename = path.substr(slash + 1);
    path.resize(slash);
  }
  const bool is_file = url->host.empty();
  while (path.ends_with('/') && !(is_file && path.size() == 1)) {
    path.pop_back();
  }
  place.location = url->netloc() + path;
  return place;
}

std::string ChannelPlace::base_url() const {
  return scheme + "://" + join_path(location, name);
}

std::string ChannelPlace::secret_base_url() const {
  const std::string tokened = token.empty() ? location : join_path(location, "t/" + token);
  return scheme + "://" + (auth.empty() ? "" : auth + "@") + join_path(tokened, name);
}

}  // namespace athanor
