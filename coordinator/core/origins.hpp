#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/core/token_bucket.hpp"
#include "coordinator/queue/ready_queue.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/job.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// Whether a host may be asked now.
enum class OriginState {
  open,
  full,    // as many jobs as it bears are there
  rate,    // it has had its requests of this moment; until `until`
  paused,  // it asked for a pause, or failed too often; until `until`
};
struct OriginGate {
  OriginState state = OriginState::open;
  TimePoint until;
};

// What a person allows the whole fleet at one host.
struct OriginLimit {
  std::uint32_t in_flight = 4'096;  // jobs at once, at most
  double requests_per_second = 0;   // 0: no limit but the one that the host itself teaches
  double burst = 0;                 // requests at once after a quiet time; 0: a quarter second's
};
// The rates of the setting origins.rates: hosts and requests per second; * is every other host.
// Error: invalid, with the host.
struct OriginLimits;
Result<OriginLimits> parse_origin_rates(const std::map<std::string, std::string>& rates);

struct OriginLimits {
  OriginLimit all;  // of each host that isn't named
  std::map<std::string, OriginLimit, std::less<>> by_host;
};

// Whether the job's origin had enough: it said so, or when it may be asked again. A package that is
// only late at its origin is no complaint.
bool is_throttled(const JobFailure& failure);

// The hosts that jobs fetch from, and what the whole fleet may do to each:
//
// - jobs in flight: one more for each round of successes, half as many when the host has had
// enough;
// - requests per second: as a person says, or as the host teaches: when it has had enough, four
//   fifths of what it just got, and from then on slowly more, faster the longer it is content;
// - a pause, when it says for how long;
// - a breaker: after several failures in a row it isn't asked for a while, then by one job, two,
//   four, until one succeeds. (Never by none at all: a run must end, also when a host is gone.)
//
// Number 0 is no origin: jobs that need nothing from the web. Not thread-safe.
class Origins {
 public:
  // Jobs at one host at once, where it begins.
  static constexpr std::uint32_t k_in_flight_start = 64;
  static constexpr std::uint32_t k_in_flight_max = 4'096;
  // Complaints within one round are one complaint.
  static constexpr std::chrono::milliseconds k_round{1'000};
  // Failures in a row that open the breaker, and for how long: doubled each time, up to the most.
  static constexpr std::uint32_t k_breaker_failures = 8;
  static constexpr std::chrono::milliseconds k_breaker_pause{2'000};
  static constexpr std::chrono::milliseconds k_breaker_pause_max{30'000};
  // A rate that was learned and then wasn't reached for so long is forgotten.
  static constexpr std::chrono::seconds k_forget_rate{60};

  Origins();
  explicit Origins(OriginLimits limits);

  // The number of a URL's host; hosts beyond limits::k_origins share one.
  OriginId of_url(std::string_view url);
  // The same, of a host that has a number already; otherwise 0.
  OriginId find_url(std::string_view url) const;
  // The host; empty for number 0.
  const std::string& netloc(OriginId origin) const { return origins_.at(origin).stats.netloc; }

  // A job that may ask the host begins: it has used one request of the host's rate.
  void begin(OriginId origin, TimePoint now);
  void end(OriginId origin);
  // Requests that a job which begins now may make; 0: as many as its worker finds right.
  std::uint32_t requests_per_job(OriginId origin) const {
    return origins_.at(origin).bucket ? 1 : 0;
  }
  // Whether the requests of any host are shared out.
  bool any_rated() const { return rated_ != 0; }
  // What came of it. `begun`: when the job did.
  void count_success(OriginId origin, TimePoint now, const JobSuccess& success);
  void count_failure(OriginId origin, TimePoint now, TimePoint begun, const JobFailure& failure);
  // The host was too busy; `retry_after`: when it may be asked again, if it said so.
  void slow_down(OriginId origin, TimePoint now,
                 std::optional<std::chrono::milliseconds> retry_after);
  // Whether another job may fetch from there now.
  bool is_open(OriginId origin, TimePoint now) const {
    return gate(origin, now).state == OriginState::open;
  }
  OriginGate gate(OriginId origin, TimePoint now) const;

  // Once a turn; cheap. Rates that were learned grow here.
  void on_tick(TimePoint now);
  // Those that were ever asked, busiest first. `waiting`: how many jobs are ready for one.
  std::vector<OriginStats> stats(TimePoint now,
                                 const std::function<std::size_t(OriginId)>& waiting) const;

 private:
  struct Origin {
    OriginStats stats;
    OriginLimit allowed;
    double limit = k_in_flight_start;
    std::optional<TokenBucket> bucket;  // absent: no limit is known
    TimePoint closed_until;
    TimePoint halve_again;
    TimePoint complained;        // when it last had had enough
    TimePoint rate_was_binding;  // when the rate last kept a job waiting
    // Breaker.
    std::uint32_t failures_in_a_row = 0;
    std::uint32_t probes = 0;  // jobs that may try it; 0: the breaker is closed
    TimePoint tripped;
    std::chrono::milliseconds breaker_pause = k_breaker_pause;
    // Requests of this round and of the one before.
    TimePoint round_began;
    double round_requests = 0;
    double requests_per_second = 0;
  };

  static std::uint32_t in_flight_limit(const Origin& at);
  void count_more(Origin& at, TimePoint now, std::uint32_t requests);
  void count_requests(Origin& at, TimePoint now, double count);
  void set_rate(Origin& at, TimePoint now, double rate);
  void raise_rate(Origin& at, TimePoint now);
  void trip(Origin& at, TimePoint now);

  OriginLimits limits_;
  std::vector<Origin> origins_;
  std::map<std::string, OriginId, std::less<>> by_netloc_;
  std::size_t rated_ = 0;  // origins with a bucket
  TimePoint next_round_;
};

}  // namespace athanor::coordinator
