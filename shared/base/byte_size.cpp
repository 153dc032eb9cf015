#include "shared/base/byte_size.hpp"

#include "shared/base/strings.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace athanor {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 14> k_units = {{
    {"", 1},
    {"b", 1},
    {"k", std::uint64_t{1} << 10U},
    {"kib", std::uint64_t{1} << 10U},
    {"m", std::uint64_t{1} << 20U},
    {"mib", std::uint64_t{1} << 20U},
    {"g", std::uint64_t{1} << 30U},
    {"gib", std::uint64_t{1} << 30U},
    {"t", std::uint64_t{1} << 40U},
    {"tib", std::uint64_t{1} << 40U},
    {"kb", 1'000},
    {"mb", 1'000'000},
    {"gb", 1'000'000'000},
    {"tb", 1'000'000'000'000},
}};

}  // namespace

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  text = trim(text);
  const std::size_t unit_at = text.find_first_not_of("0123456789.");
  const std::string_view digits = text.substr(0, unit_at);
  const std::string unit =
      unit_at == std::string_view::npos ? std::string() : to_lower(trim(text.substr(unit_at)));
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  for (const auto& [name, factor] : k_units) {
    if (name == unit) {
      const double bytes = number * static_cast<double>(factor);
      // Up to 2^53 a double is exact.
      return bytes <= 9'007'199'254'740'992.0 ? std::optional(static_cast<std::uint64_t>(bytes))
                                              : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace athanor
