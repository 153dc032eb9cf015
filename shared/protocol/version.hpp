#pragma once

#include <cstdint>
#include <optional>

namespace athanor::protocol {

// The versions that this program speaks. A version grows only when an old peer could misunderstand
// a new one; new fields and new messages alone don't need one, since unknown keys are ignored.
inline constexpr std::uint32_t k_version_min = 1;
inline constexpr std::uint32_t k_version_max = 1;

// The version that a session speaks: the highest that both ranges hold; absent if there is none.
constexpr std::optional<std::uint32_t> negotiate(std::uint32_t peer_min, std::uint32_t peer_max) {
  const std::uint32_t low = peer_min > k_version_min ? peer_min : k_version_min;
  const std::uint32_t high = peer_max < k_version_max ? peer_max : k_version_max;
  return low <= high ? std::optional(high) : std::nullopt;
}

}  // namespace athanor::protocol
