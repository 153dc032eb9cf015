#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/random.hpp"
#include "shared/base/result.hpp"
#include "shared/net/http_client.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>

namespace athanor {

struct RetryPolicy {
  unsigned attempts = 5;                               // in all, the first included
  std::chrono::milliseconds base{100};                 // the first wait is at most this
  std::chrono::milliseconds cap{15'000};               // no computed wait is longer
  std::chrono::milliseconds retry_after_cap{120'000};  // a server may ask for at most this
};

// How long to wait after failure number `attempt` (from 1): full jitter, uniform in
// [0, min(cap, base × 2^(attempt-1))]. If the server named a time, that time (capped) plus a jitter
// of at most `base`, so that a fleet doesn't come back in one instant.
std::chrono::milliseconds retry_delay(const RetryPolicy& policy, unsigned attempt, Random& random,
                                      std::optional<std::chrono::milliseconds> retry_after = {});

// A Retry-After header: seconds or an HTTP date; a date in the past is zero. Absent if it is
// neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, WallTime now);

// 408, 425, 429, 500, 502, 503, 504: the same request may succeed later.
bool is_retryable_status(int status);

// What an answer that isn't 2xx means: 404 and 410 not_found; 401, 403 and 407 rejected with a hint
// about credentials; retryable ones retry; the rest rejected. `what` begins the message ("fetching
// 'https://…'") and is redacted by the caller.
Error status_error(const HttpResponse& response, std::string_view what);

// Waits; canceled as soon as a stop is requested. A parameter of whoever retries, so that tests
// don't sleep.
using Sleeper = std::function<Result<void>(std::chrono::milliseconds, std::stop_token)>;
Sleeper real_sleeper();

}  // namespace athanor
