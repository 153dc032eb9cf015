#include "shared/net/origin_map.hpp"

namespace athanor {
namespace {

std::string_view without_final_slash(std::string_view prefix) {
  return prefix.ends_with('/') ? prefix.substr(0, prefix.size() - 1) : prefix;
}

}  // namespace

std::optional<std::string> map_origin(const OriginMap& map, std::string_view url) {
  std::string_view best;
  const std::string* replacement = nullptr;
  for (const auto& [from, to] : map) {
    const std::string_view prefix = without_final_slash(from);
    const bool matches = !prefix.empty() && url.starts_with(prefix) &&
                         (url.size() == prefix.size() || url[prefix.size()] == '/');
    if (matches && (replacement == nullptr || prefix.size() > best.size())) {
      best = prefix;
      replacement = &to;
    }
  }
  if (replacement == nullptr) {
    return std::nullopt;
  }
  return std::string(without_final_slash(*replacement)) + std::string(url.substr(best.size()));
}

}  // namespace athanor
