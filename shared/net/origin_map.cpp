#include "shared/net/origin_map.hpp"

namespace athanor {
namespace {

std::string_view without_final_slash(std::string_view prefix) {
  return prefix.ends_with('/') ? prefix.substr(0, prefix.size() - 1) : prefix;
}

}  // namespace

std::optional<std::string> longest_prefix(const OriginMap& map, std::string_view url) {
  std::size_t best = 0;
  std::optional<std::string> found;
  for (const auto& [from, to] : map) {
    const std::string_view prefix = without_final_slash(from);
    const bool matches = !prefix.empty() && url.starts_with(prefix) &&
                         (url.size() == prefix.size() || url[prefix.size()] == '/');
    if (matches && (!found || prefix.size() > best)) {
      best = prefix.size();
      found = from;
    }
  }
  return found;
}

std::optional<std::string> map_origin(const OriginMap& map, std::string_view url) {
  const std::optional<std::string> prefix = longest_prefix(map, url);
  if (!prefix) {
    return std::nullopt;
  }
  return std::string(without_final_slash(map.at(*prefix))) +
         std::string(url.substr(without_final_slash(*prefix).size()));
}

}  // namespace athanor
