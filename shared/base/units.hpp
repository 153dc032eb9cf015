#pragma once

#include <cstdint>
#include <string>

namespace athanor {

// Sizes are bytes in std::uint64_t everywhere; these spell constants.
constexpr std::uint64_t operator""_KiB(unsigned long long n) {
  return n << 10U;
}
constexpr std::uint64_t operator""_MiB(unsigned long long n) {
  return n << 20U;
}
constexpr std::uint64_t operator""_GiB(unsigned long long n) {
  return n << 30U;
}

// "0 B", "812 B", "3.4 MiB", "18.2 GiB": at most one decimal, binary units.
std::string human_size(std::uint64_t bytes);

}  // namespace athanor
