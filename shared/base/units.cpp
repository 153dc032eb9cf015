#include "shared/base/units.hpp"

#include <array>
#include <cstdio>

namespace athanor {

std::string human_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> k_units = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) {
    return std::to_string(bytes) + " B";
  }
  double scaled = static_cast<double>(bytes) / 1024.0;
  std::size_t unit = 0;
  while (scaled >= 1023.95 && unit + 1 < k_units.size()) {
    scaled /= 1024.0;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", scaled, k_units.at(unit));
  return text.data();
}

}  // namespace athanor
