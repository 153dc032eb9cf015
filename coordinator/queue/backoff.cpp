#include "coordinator/queue/backoff.hpp"

#include "shared/base/limits.hpp"

#include <algorithm>

namespace athanor::coordinator {

bool is_worth_retrying(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::retry:
    case ErrorKind::bug:
      return true;
    case ErrorKind::not_found:
    case ErrorKind::corrupt:
    case ErrorKind::rejected:
    case ErrorKind::unsupported:
    case ErrorKind::invalid:
    case ErrorKind::canceled:
      return false;
  }
  return false;
}

std::chrono::milliseconds backoff_delay(std::uint32_t failures,
                                        std::optional<std::chrono::milliseconds> retry_after,
                                        Random& random) {
  const auto doublings = std::min<std::uint32_t>(failures == 0 ? 0 : failures - 1, 16);
  const auto ceiling = std::min<std::chrono::milliseconds>(
      limits::k_backoff_base * (1U << doublings), limits::k_backoff_ceiling);
  const std::chrono::milliseconds jitter(
      random.below(static_cast<std::uint64_t>(ceiling.count()) + 1));
  // An origin that says "in an hour" is believed up to a bound: a run must end.
  const auto floor =
      std::clamp(retry_after.value_or(std::chrono::milliseconds{0}), std::chrono::milliseconds{0},
                 std::chrono::milliseconds(limits::k_retry_after_ceiling));
  return floor + jitter;
}

}  // namespace athanor::coordinator
