#include "coordinator/core/origins.hpp"

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace athanor::coordinator {
namespace {

using Seconds = std::chrono::duration<double>;

// After a complaint, of what the host just got; then a hundredth more each round, and more the
// longer it is content.
constexpr double k_decrease = 0.8;
constexpr double k_increase = 0.01;
constexpr double k_content_seconds = 5;
constexpr double k_boldest = 10;
constexpr double k_least_rate = 0.1;
constexpr std::uint32_t k_probes_max = 1'024;

std::string_view netloc_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = url.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

double burst_of(const OriginLimit& allowed, double rate) {
  return std::max(1.0, allowed.burst > 0 ? allowed.burst : rate / 4);
}

// The host didn't answer as a host should. "No such file" is an answer.
bool is_hosts_fault(const JobFailure& failure) {
  return failure.stage == Stage::fetch && failure.kind == ErrorKind::retry &&
         !is_throttled(failure) && !failure.lagging;
}

}  // namespace

bool is_throttled(const JobFailure& failure) {
  return failure.throttled != 0 || (failure.retry_after.has_value() && !failure.lagging);
}

Result<OriginLimits> parse_origin_rates(const std::map<std::string, std::string>& rates) {
  OriginLimits limits;
  for (const auto& [host, text] : rates) {
    double rate = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
    if (error != std::errc() || end != text.data() + text.size() || !(rate >= 0.01) || rate > 1e6) {
      return make_error(
          ErrorKind::invalid,
          "origins.rates: '" + text + "' for '" + host + "' is no number of requests per second",
          "it looks like conda.anaconda.org=50");
    }
    if (host.empty() || host.find('/') != std::string::npos) {
      return make_error(ErrorKind::invalid, "origins.rates: '" + host + "' is no host",
                        "it looks like conda.anaconda.org=50, without https://");
    }
    OriginLimit& limit = host == "*" ? limits.all : limits.by_host[host];
    limit.requests_per_second = rate;
  }
  return limits;
}

Origins::Origins()
    : Origins(OriginLimits{}) {}

Origins::Origins(OriginLimits limits)
    : limits_(std::move(limits)),
      origins_(1) {}

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
  Origin& origin = origins_.emplace_back();
  origin.stats.netloc = last ? std::string("(others)") : std::string(netloc);
  const auto named = limits_.by_host.find(netloc);
  origin.allowed = named == limits_.by_host.end() ? limits_.all : named->second;
  origin.allowed.in_flight = std::clamp(origin.allowed.in_flight, 1U, k_in_flight_max);
  origin.limit = std::min(origin.limit, static_cast<double>(origin.allowed.in_flight));
  if (const double rate = origin.allowed.requests_per_second; rate > 0) {
    origin.bucket.emplace(rate, burst_of(origin.allowed, rate), TimePoint());
    ++rated_;
  }
  if (!last) {
    by_netloc_.emplace(netloc, id);
  }
  return id;
}

OriginId Origins::find_url(std::string_view url) const {
  const auto known = by_netloc_.find(netloc_of(url));
  return known == by_netloc_.end() ? OriginId{0} : known->second;
}

void Origins::begin(OriginId origin, TimePoint now) {
  Origin& at = origins_.at(origin);
  ++at.stats.in_flight;
  if (origin == 0) {
    return;
  }
  count_requests(at, now, 1);
  if (at.bucket) {
    at.bucket->take(now, 1);
    if (!at.bucket->has_one(now)) {
      at.rate_was_binding = now;
    }
  }
}

void Origins::end(OriginId origin) {
  ATHANOR_CHECK(origins_.at(origin).stats.in_flight > 0);
  --origins_.at(origin).stats.in_flight;
}

void Origins::count_success(OriginId origin, TimePoint now, const JobSuccess& success) {
  Origin& at = origins_.at(origin);
  if (success.provenance != Provenance::origin) {
    if (at.bucket && success.requests == 0) {
      at.bucket->take(now, -1);  // it didn't need its request
    }
    return;
  }
  ++at.stats.requests;
  at.stats.bytes += success.fetched_bytes;
  at.limit = std::min(at.limit + 1 / at.limit, static_cast<double>(at.allowed.in_flight));
  at.failures_in_a_row = 0;
  at.probes = 0;
  at.breaker_pause = k_breaker_pause;
  count_more(at, now, success.requests);
  if (success.throttled != 0) {
    slow_down(origin, now, std::nullopt);
  }
}

void Origins::count_failure(OriginId origin, TimePoint now, TimePoint begun,
                            const JobFailure& failure) {
  Origin& at = origins_.at(origin);
  ++at.stats.requests;
  ++at.stats.failures;
  if (origin == 0) {
    return;
  }
  count_more(at, now, failure.requests);
  if (is_throttled(failure)) {
    slow_down(origin, now, failure.retry_after);
  }
  // What was under way when the breaker opened says nothing new.
  if (is_hosts_fault(failure) && begun >= at.tripped) {
    ++at.failures_in_a_row;
    if (at.failures_in_a_row >= (at.probes == 0 ? k_breaker_failures : at.probes)) {
      trip(at, now);
    }
  } else if (failure.stage > Stage::fetch || failure.kind != ErrorKind::retry ||
             is_throttled(failure)) {
    at.failures_in_a_row = 0;
    at.probes = 0;
    at.breaker_pause = k_breaker_pause;
  }
}

void Origins::trip(Origin& at, TimePoint now) {
  at.probes = std::min(std::max(at.probes * 2, 1U), k_probes_max);
  at.failures_in_a_row = 0;
  at.tripped = now;
  at.closed_until = std::max(at.closed_until, now + at.breaker_pause);
  at.breaker_pause = std::min(at.breaker_pause * 2, k_breaker_pause_max);
}

void Origins::slow_down(OriginId origin, TimePoint now,
                        std::optional<std::chrono::milliseconds> retry_after) {
  if (origin == 0) {
    return;
  }
  Origin& at = origins_.at(origin);
  at.complained = now;
  if (now >= at.halve_again) {
    at.halve_again = now + k_round;
    at.limit = std::max(at.limit / 2, 1.0);
    const double got =
        at.bucket ? at.bucket->rate() : std::max(at.requests_per_second, at.round_requests);
    set_rate(at, now, std::max(got * k_decrease, k_least_rate));
  }
  if (retry_after) {
    // A host that says "tomorrow" is believed up to a bound: a run must end.
    const auto pause = std::clamp(*retry_after, std::chrono::milliseconds{0},
                                  std::chrono::milliseconds(limits::k_retry_after_ceiling));
    at.closed_until = std::max(at.closed_until, now + pause);
  }
}

void Origins::set_rate(Origin& at, TimePoint now, double rate) {
  const double most = at.allowed.requests_per_second;
  rate = most > 0 ? std::min(rate, most) : rate;
  if (at.bucket) {
    at.bucket->set_rate(now, rate, burst_of(at.allowed, rate));
  } else {
    at.bucket.emplace(rate, burst_of(at.allowed, rate), now);
    at.bucket->take(now, burst_of(at.allowed, rate));  // it has just had more than enough
    ++rated_;
    at.rate_was_binding = now;
  }
}

// Requests beyond the one that each job begins with: a worker's own retries.
void Origins::count_more(Origin& at, TimePoint now, std::uint32_t requests) {
  if (requests > 1) {
    count_requests(at, now, requests - 1);
    if (at.bucket) {
      at.bucket->take(now, requests - 1);
    }
  }
}

void Origins::count_requests(Origin& at, TimePoint now, double count) {
  const Seconds since = now - at.round_began;
  if (since >= k_round) {
    at.requests_per_second = since < 2 * k_round ? at.round_requests / since.count() : 0;
    at.round_requests = 0;
    at.round_began = now;
  }
  at.round_requests += count;
}

void Origins::on_tick(TimePoint now) {
  if (now < next_round_) {
    return;
  }
  next_round_ = now + k_round;
  for (Origin& at : origins_) {
    if (at.bucket) {
      raise_rate(at, now);
    }
  }
}

void Origins::raise_rate(Origin& at, TimePoint now) {
  const double most = at.allowed.requests_per_second;
  if (now - at.rate_was_binding > k_round) {
    if (most == 0 && now - at.rate_was_binding > k_forget_rate) {
      at.bucket.reset();
      --rated_;
    }
    return;  // nobody wanted more
  }
  if (at.bucket->rate() == most || now < at.closed_until) {
    return;
  }
  const Seconds content = now - at.complained;
  const double boldness = std::clamp(content.count() / k_content_seconds, 1.0, k_boldest);
  set_rate(at, now, at.bucket->rate() * (1 + k_increase * boldness) + k_least_rate);
}

std::uint32_t Origins::in_flight_limit(const Origin& at) {
  const auto limit = static_cast<std::uint32_t>(at.limit);
  return at.probes == 0 ? limit : std::min(limit, at.probes);
}

OriginGate Origins::gate(OriginId origin, TimePoint now) const {
  const Origin& at = origins_.at(origin);
  if (origin == 0) {
    return {};
  }
  if (now < at.closed_until) {
    return {.state = OriginState::paused, .until = at.closed_until};
  }
  if (at.stats.in_flight >= in_flight_limit(at)) {
    return {.state = OriginState::full, .until = {}};
  }
  if (at.bucket && !at.bucket->has_one(now)) {
    return {.state = OriginState::rate, .until = at.bucket->next(now)};
  }
  return {};
}

std::vector<OriginStats> Origins::stats(TimePoint now,
                                        const std::function<std::size_t(OriginId)>& waiting) const {
  std::vector<OriginStats> result;
  for (std::size_t id = 1; id < origins_.size(); ++id) {
    const Origin& origin = origins_[id];
    const auto number = static_cast<OriginId>(id);
    const std::size_t jobs = waiting(number);
    if (origin.stats.requests + origin.stats.in_flight + jobs == 0) {
      continue;
    }
    OriginStats& stats = result.emplace_back(origin.stats);
    stats.limit = in_flight_limit(origin);
    stats.waiting = jobs;
    stats.requests_per_second = now - origin.round_began < 2 * k_round
                                    ? std::max(origin.requests_per_second, origin.round_requests)
                                    : 0;
    stats.rate_limit = origin.bucket ? origin.bucket->rate() : 0;
    stats.failing = origin.probes != 0;
    // A rate is short of tokens only most of the time: what counts is that it was lately.
    const bool rated = origin.bucket && now - origin.rate_was_binding < k_round;
    stats.bound = jobs != 0 && (rated || gate(number, now).state != OriginState::open);
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
