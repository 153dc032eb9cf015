#include "shared/net/host_gate.hpp"

#include <algorithm>

namespace athanor {

TimePoint HostGate::opens(std::string_view host, TimePoint now) const {
  const std::lock_guard lock(mutex_);
  const auto known = hosts_.find(host);
  return known == hosts_.end() ? now : std::max(now, known->second.closed_until);
}

void HostGate::tell(std::string_view host, TimePoint now, Outcome outcome,
                    std::optional<std::chrono::milliseconds> retry_after) {
  const std::lock_guard lock(mutex_);
  if (outcome == Outcome::answered) {
    if (const auto known = hosts_.find(host); known != hosts_.end()) {
      hosts_.erase(known);
    }
    return;
  }
  if (hosts_.size() >= k_hosts && !hosts_.contains(host)) {
    std::erase_if(hosts_, [&](const auto& entry) { return entry.second.closed_until <= now; });
    if (hosts_.size() >= k_hosts) {
      return;
    }
  }
  Host& at = hosts_[std::string(host)];
  if (retry_after) {
    at.closed_until = std::max(at.closed_until, now + *retry_after);
    return;
  }
  // What was under way when the rest began says nothing new.
  if (now < at.closed_until) {
    return;
  }
  ++at.failures;
  if (at.failures >= k_failures) {
    at.closed_until = now + at.rest;
    at.rest = std::min(at.rest * 2, k_rest_max);
  }
}

}  // namespace athanor
