#include "shared/net/content_range.hpp"

#include "shared/base/strings.hpp"

#include <charconv>

namespace athanor {

std::optional<std::uint64_t> parse_size(std::string_view value) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
  if (error != std::errc() || end != value.data() + value.size() || value.empty()) {
    return std::nullopt;
  }
  return size;
}

std::string spell_content_range(std::uint64_t first, std::uint64_t total) {
  return "bytes " + std::to_string(first) + "-" + std::to_string(total - 1) + "/" +
         std::to_string(total);
}

std::optional<std::uint64_t> open_range_start(const HttpHeaders& headers,
                                              std::string_view entity_tag) {
  constexpr std::string_view k_unit = "bytes=";
  std::optional<std::uint64_t> start;
  for (const auto& [name, value] : headers) {
    const std::string lower = to_lower(name);
    if (lower == "if-range" && value != entity_tag) {
      return std::nullopt;
    }
    if (lower == "range" && value.starts_with(k_unit) && value.ends_with('-')) {
      start = parse_size(
          std::string_view(value).substr(k_unit.size(), value.size() - k_unit.size() - 1));
    }
  }
  return start;
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  constexpr std::string_view k_unit = "bytes ";
  value = trim(value);
  const std::size_t dash = value.find('-');
  const std::size_t slash = value.find('/');
  if (to_lower(value.substr(0, k_unit.size())) != k_unit || dash == std::string_view::npos ||
      slash == std::string_view::npos || dash > slash) {
    return std::nullopt;
  }
  const auto first = parse_size(value.substr(k_unit.size(), dash - k_unit.size()));
  const auto last = parse_size(value.substr(dash + 1, slash - dash - 1));
  const std::string_view total_text = value.substr(slash + 1);
  const auto total = parse_size(total_text);
  if (!first || !last || *last < *first || (!total && total_text != "*") ||
      (total && *last >= *total)) {
    return std::nullopt;
  }
  return ContentRange{.first = *first, .last = *last, .total = total};
}

}  // namespace athanor
