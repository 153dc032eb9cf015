#include "coordinator/core/origins.hpp"

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

std::string_view netloc_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = url.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

}  // namespace

Origins::Origins()
    : origins_(1) {}

OriginId Origins::of_url(std::string_view url) {
  const std::string_view netloc = netloc_of(url);
  if (netloc.empty()) {
    return 0;
  }
  if (const auto known = by_netloc_.find(netloc); known != by_netloc_.end()) {
    return known->second;
  }
  if (origins_.size() > limits::k_origins) {
    return static_cast<OriginId>(limits::k_origins);  // everybody's who came too late
  }
  const bool last = origins_.size() == limits::k_origins;
  const auto id = static_cast<OriginId>(origins_.size());
  origins_.emplace_back().stats.netloc = last ? std::string("(others)") : std::string(netloc);
  if (!last) {
    by_netloc_.emplace(netloc, id);
  }
  return id;
}

OriginId Origins::find_url(std::string_view url) const {
  const auto known = by_netloc_.find(netloc_of(url));
  return known == by_netloc_.end() ? OriginId{0} : known->second;
}

void Origins::begin(OriginId origin) {
  ++origins_.at(origin).stats.in_flight;
}

void Origins::end(OriginId origin) {
  ATHANOR_CHECK(origins_.at(origin).stats.in_flight > 0);
  --origins_.at(origin).stats.in_flight;
}

void Origins::count_success(OriginId origin, std::uint64_t bytes) {
  Origin& at = origins_.at(origin);
  ++at.stats.requests;
  at.stats.bytes += bytes;
  at.limit = std::min(at.limit + 1 / at.limit, static_cast<double>(k_in_flight_max));
}

void Origins::count_failure(OriginId origin) {
  ++origins_.at(origin).stats.requests;
  ++origins_.at(origin).stats.failures;
}

void Origins::slow_down(OriginId origin, TimePoint now,
                        std::optional<std::chrono::milliseconds> retry_after) {
  if (origin == 0) {
    return;
  }
  Origin& at = origins_.at(origin);
  if (now >= at.halve_again) {
    at.halve_again = now + k_round;
    at.limit = std::max(at.limit / 2, 1.0);
  }
  if (retry_after) {
    // A host that says "tomorrow" is believed up to a bound: a run must end.
    const auto pause = std::clamp(*retry_after, std::chrono::milliseconds{0},
                                  std::chrono::milliseconds(limits::k_retry_after_ceiling));
    at.closed_until = std::max(at.closed_until, now + pause);
  }
}

OriginGate Origins::gate(OriginId origin, TimePoint now) const {
  const Origin& at = origins_.at(origin);
  if (origin == 0) {
    return {};
  }
  if (now < at.closed_until) {
    return {.state = OriginState::paused, .until = at.closed_until};
  }
  if (at.stats.in_flight >= static_cast<std::uint32_t>(at.limit)) {
    return {.state = OriginState::full, .until = {}};
  }
  return {};
}

std::vector<OriginStats> Origins::stats(TimePoint now) const {
  std::vector<OriginStats> result;
  for (const Origin& origin : origins_) {
    if (origin.stats.netloc.empty() || origin.stats.requests + origin.stats.in_flight == 0) {
      continue;
    }
    OriginStats& stats = result.emplace_back(origin.stats);
    stats.limit = static_cast<std::uint32_t>(origin.limit);
    if (origin.closed_until > now) {
      stats.closed_for = std::chrono::ceil<std::chrono::milliseconds>(origin.closed_until - now);
    }
  }
  std::stable_sort(result.begin(), result.end(), [](const OriginStats& a, const OriginStats& b) {
    return a.requests + a.in_flight > b.requests + b.in_flight;
  });
  return result;
}

}  // namespace athanor::coordinator
