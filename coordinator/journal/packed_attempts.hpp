#pragma once

#include "coordinator/core/story.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// One moment on both clocks: a process's own time means nothing to the next one.
struct Moment {
  TimePoint time;
  WallTime wall;
};

std::string pack_attempts(const std::vector<Attempt>& attempts, std::uint32_t forgotten,
                          const Moment& moment);

struct UnpackedAttempts {
  std::vector<Attempt> attempts;
  std::uint32_t forgotten = 0;
};
// No bytes are no attempts. Error: corrupt.
Result<UnpackedAttempts> unpack_attempts(std::string_view packed, const Moment& moment);

}  // namespace athanor::coordinator
