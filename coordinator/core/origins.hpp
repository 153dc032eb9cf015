#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/queue/ready_queue.hpp"
#include "shared/base/clock.hpp"

#include <chrono>
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

// The hosts that jobs fetch from, and what the whole fleet may do to each. How many jobs may be at
// one host at once grows by one for each round of successes and is halved when the host has had
// enough; when it says for how long, nobody asks it before. Number 0 is no origin: jobs that need
// nothing from the web. Not thread-safe.
class Origins {
 public:
  // Jobs at one host at once: where it begins, and how far success may lead.
  static constexpr std::uint32_t k_in_flight_start = 64;
  static constexpr std::uint32_t k_in_flight_max = 4'096;
  // Complaints within one round are one complaint.
  static constexpr std::chrono::milliseconds k_round{1'000};

  Origins();

  // The number of a URL's host; hosts beyond limits::k_origins share one.
  OriginId of_url(std::string_view url);
  // The same, of a host that has a number already; otherwise 0.
  OriginId find_url(std::string_view url) const;
  // The host; empty for number 0.
  const std::string& netloc(OriginId origin) const { return origins_.at(origin).stats.netloc; }

  void begin(OriginId origin);
  void end(OriginId origin);
  void count_success(OriginId origin, std::uint64_t bytes);
  void count_failure(OriginId origin);
  // The host was too busy; `retry_after`: when it may be asked again, if it said so.
  void slow_down(OriginId origin, TimePoint now,
                 std::optional<std::chrono::milliseconds> retry_after);
  // Whether another job may fetch from there now.
  bool is_open(OriginId origin, TimePoint now) const {
    return gate(origin, now).state == OriginState::open;
  }
  OriginGate gate(OriginId origin, TimePoint now) const;

  // Those that were ever asked, busiest first.
  std::vector<OriginStats> stats(TimePoint now) const;

 private:
  struct Origin {
    OriginStats stats;
    double limit = k_in_flight_start;
    TimePoint closed_until;
    TimePoint halve_again;
  };

  std::vector<Origin> origins_;
  std::map<std::string, OriginId, std::less<>> by_netloc_;
};

}  // namespace athanor::coordinator
