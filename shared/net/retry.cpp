#include "shared/net/retry.hpp"

#include "shared/base/strings.hpp"
#include "shared/net/http_date.hpp"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>

namespace athanor {

using std::chrono::milliseconds;

std::chrono::milliseconds retry_delay(const RetryPolicy& policy, unsigned attempt, Random& random,
                                      std::optional<std::chrono::milliseconds> retry_after) {
  const auto jitter = [&](milliseconds most) {
    return milliseconds(
        random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(most.count(), 0)) + 1));
  };
  if (retry_after) {
    return std::clamp(*retry_after, milliseconds(0), policy.retry_after_cap) + jitter(policy.base);
  }
  milliseconds ceiling = policy.base;
  for (unsigned i = 1; i < attempt && ceiling < policy.cap; ++i) {
    ceiling *= 2;
  }
  return jitter(std::min(ceiling, policy.cap));
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, WallTime now) {
  value = trim(value);
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (end == value.data() + value.size() && !value.empty()) {
    if (error == std::errc::result_out_of_range) {
      return std::chrono::hours(24 * 365);
    }
    if (error == std::errc()) {
      return std::chrono::seconds(seconds);
    }
  }
  if (const auto date = parse_http_date(value)) {
    return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(*date - now));
  }
  return std::nullopt;
}

bool is_retryable_status(int status) {
  switch (status) {
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

Error status_error(const HttpResponse& response, std::string_view what) {
  std::string message(what);
  message += ": the server answered " + std::to_string(response.status);
  switch (response.status) {
    case 404:
    case 410:
      return make_error(ErrorKind::not_found, message + " (not found)");
    case 401:
    case 403:
      return make_error(
          ErrorKind::rejected,
          message + (response.status == 401 ? " (unauthorized)" : " (forbidden)"),
          "`athanor auth test URL` shows which credentials are known for this server");
    case 407:
      return make_error(ErrorKind::rejected, message + " (the proxy wants a password)",
                        "Put user and password into the proxy setting");
    case 429:
      return make_error(ErrorKind::retry, message + " (too many requests)");
    default:
      return make_error(
          is_retryable_status(response.status) ? ErrorKind::retry : ErrorKind::rejected,
          std::move(message));
  }
}

Sleeper real_sleeper() {
  return [](milliseconds duration, std::stop_token stop) -> Result<void> {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, duration, [] { return false; });
    if (stop.stop_requested()) {
      return make_error(ErrorKind::canceled, "stopped while waiting for another try");
    }
    return {};
  };
}

}  // namespace athanor
