#pragma once

#include "shared/base/random.hpp"
#include "shared/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace athanor::coordinator {

// Whether another attempt may end differently: what an origin or a store may do better next time
// (retry), and what a worker of ours got wrong (bug). Everything else stays as it is.
bool is_worth_retrying(ErrorKind kind);

// Attempts that an origin answers with "too many requests" say nothing about the job: so many of
// them aren't counted as failures. (Not all of them: a run must end.)
inline constexpr std::uint8_t k_free_throttles = 20;

// How long to wait before the next attempt after the `failures`-th failure (from 1): exponential
// with full jitter, so that a thousand jobs that failed together don't come back together, and not
// before an origin's Retry-After is over. Pure but for the generator.
std::chrono::milliseconds backoff_delay(std::uint32_t failures,
                                        std::optional<std::chrono::milliseconds> retry_after,
                                        Random& random);

}  // namespace athanor::coordinator
