#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/queue/ready_queue.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// The hosts that jobs fetch from, and what the whole fleet does to each. Number 0 is no origin:
// jobs that need nothing from the web. Not thread-safe.
class Origins {
 public:
  Origins();

  // The number of a URL's host; hosts beyond limits::k_origins share one.
  OriginId of_url(std::string_view url);

  void begin(OriginId origin);
  void end(OriginId origin);
  void count_success(OriginId origin, std::uint64_t bytes);
  void count_failure(OriginId origin);
  // Whether another job may fetch from there now.
  bool is_open(OriginId origin) const;

  // Those that were ever asked, busiest first.
  std::vector<OriginStats> stats() const;

 private:
  std::vector<OriginStats> origins_;
  std::map<std::string, OriginId, std::less<>> by_netloc_;
};

}  // namespace athanor::coordinator
