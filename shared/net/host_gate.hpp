#pragma once

#include "shared/base/clock.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A circuit breaker per host, shared by everything in a process that asks hosts: one that fails
// again and again is given a rest, longer each time; one that names a time is left alone until
// then. When the rest is over it is asked again, and one good answer makes everything good. It only
// says when: whoever asks decides whether to wait or to go elsewhere. Thread-safe.
class HostGate {
 public:
  static constexpr unsigned k_failures = 5;  // in a row, until a host is given a rest
  static constexpr std::chrono::milliseconds k_rest{2'000};
  static constexpr std::chrono::milliseconds k_rest_max{8'000};

  enum class Outcome {
    answered,  // as a host should, if only with "no such file"
    failed,    // no answer, or half of one
    busy,      // too many requests
  };

  // When the host may be asked: `now`, or later if it is given a rest.
  TimePoint opens(std::string_view host, TimePoint now) const;
  // What came of a request. `retry_after`: for how long the host wants to be left alone.
  void tell(std::string_view host, TimePoint now, Outcome outcome,
            std::optional<std::chrono::milliseconds> retry_after = {});

 private:
  struct Host {
    unsigned failures = 0;  // in a row
    std::chrono::milliseconds rest = k_rest;
    TimePoint closed_until{};
  };
  static constexpr std::size_t k_hosts = 1'024;  // beyond that the healthy ones are forgotten

  mutable std::mutex mutex_;
  std::map<std::string, Host, std::less<>> hosts_;  // those with something to remember
};

}  // namespace athanor
