#pragma once

#include <cstdint>
#include <optional>

namespace athanor::protocol {

// The versions that this program speaks. A version grows only when an old peer could misunderstand
// a new one; new fields and new messages alone don't need one, since unknown keys are ignored.
inline constexpr std::uint32_t k_version_min = 1;
inline constexpr std::uint32_t k_version_max = 1;

struct Versions {
  std::uint32_t min = 0;
  std::uint32_t max = 0;
};
inline constexpr Versions k_versions{.min = k_version_min, .max = k_version_max};

// The version that a session speaks: the highest that both ranges hold; absent if there is none.
constexpr std::optional<std::uint32_t> negotiate(const Versions& ours, const Versions& theirs) {
  const std::uint32_t low = ours.min > theirs.min ? ours.min : theirs.min;
  const std::uint32_t high = ours.max < theirs.max ? ours.max : theirs.max;
  const bool sane = ours.min <= ours.max && theirs.min <= theirs.max;
  return sane && low <= high ? std::optional(high) : std::nullopt;
}
constexpr std::optional<std::uint32_t> negotiate(std::uint32_t peer_min, std::uint32_t peer_max) {
  return negotiate(k_versions, {.min = peer_min, .max = peer_max});
}

}  // namespace athanor::protocol
