#include "coordinator/core/origins.hpp"

#include "tests/unit/coordinator_core/reactor_fixture.hpp"

#include <gmock/gmock.h>

#include <deque>

namespace athanor::coordinator {
namespace {

using namespace std::chrono_literals;

class OriginsTest : public testing::Test {
 protected:
  static constexpr const char* k_url = "https://conda.test/channel/linux-64/x-1-0.conda";

  void limit(OriginLimit limit) {
    origins = Origins({.all = {}, .by_host = {{"conda.test", limit}}});
    host = origins.of_url(k_url);
  }
  std::uint32_t fill() {
    std::uint32_t begun = 0;
    while (origins.is_open(host, now)) {
      origins.begin(host, now);
      ++begun;
    }
    return begun;
  }
  // A job from its beginning to its end, if the host may be asked now.
  bool one_job() {
    if (!origins.is_open(host, now)) {
      return false;
    }
    origins.begin(host, now);
    origins.end(host);
    return true;
  }
  static JobSuccess success(std::uint32_t requests = 1) {
    JobSuccess success;
    success.provenance = Provenance::origin;
    success.fetched_bytes = 1;
    success.requests = requests;
    return success;
  }
  static JobFailure failure(std::uint32_t throttled = 0) {
    JobFailure failure;
    failure.stage = Stage::fetch;
    failure.kind = ErrorKind::retry;
    failure.requests = 1;
    failure.throttled = throttled;
    return failure;
  }
  void fail(int times) {
    for (int i = 0; i < times; ++i) {
      origins.count_failure(host, now, now, failure());
    }
  }

  Origins origins;
  OriginId host = origins.of_url(k_url);
  TimePoint now = TimePoint(1h);
};

TEST_F(OriginsTest, OneHostIsOneOrigin) {
  EXPECT_EQ(origins.of_url("https://conda.test/other/noarch/y-1-0.conda"), host);
  EXPECT_NE(origins.of_url("https://mirror.test/x"), host);
  EXPECT_EQ(origins.of_url("file:///data/x.conda"), 0) << "files are nobody's server";
}

TEST_F(OriginsTest, NoMoreJobsThanTheLimitAreThereAtOnce) {
  EXPECT_EQ(fill(), Origins::k_in_flight_start);
  origins.end(host);
  EXPECT_EQ(fill(), 1U);
}

TEST_F(OriginsTest, SuccessRaisesTheLimitByOneARound) {
  for (std::uint32_t i = 0; i < Origins::k_in_flight_start + 1; ++i) {
    origins.count_success(host, now, success());
  }
  EXPECT_EQ(fill(), Origins::k_in_flight_start + 1);
}

TEST_F(OriginsTest, APersonsLimitIsNeverPassed) {
  limit({.in_flight = 3, .requests_per_second = 0, .burst = 0});
  for (int i = 0; i < 100; ++i) {
    origins.count_success(host, now, success());
  }
  EXPECT_EQ(fill(), 3U);
}

TEST_F(OriginsTest, ManyComplaintsOfOneRoundHalveTheLimitOnce) {
  for (int i = 0; i < 50; ++i) {
    origins.slow_down(host, now, std::nullopt);
  }
  now += 1h;  // whatever rate was learned, there has been time enough
  EXPECT_LE(fill(), Origins::k_in_flight_start / 2);
  EXPECT_EQ(origins.stats(now, [](OriginId) { return 0U; }).at(0).limit,
            Origins::k_in_flight_start / 2);
}

TEST_F(OriginsTest, AHostIsNeverShutOutForGood) {
  for (int i = 0; i < 50; ++i) {
    now += 2s;
    origins.slow_down(host, now, std::nullopt);
  }
  now += 1min;
  EXPECT_EQ(fill(), 1U);
}

TEST_F(OriginsTest, APauseThatTheHostAskedForIsKeptByAll) {
  origins.slow_down(host, now, 30s);
  origins.slow_down(host, now, 5s);
  EXPECT_EQ(origins.gate(host, now + 30s - 1ms).state, OriginState::paused);
  EXPECT_EQ(origins.gate(host, now).until, now + 30s);
  EXPECT_TRUE(origins.is_open(host, now + 30s));
  origins.slow_down(host, now, 24h);
  EXPECT_TRUE(origins.is_open(host, now + limits::k_retry_after_ceiling)) << "a run must end";
}

TEST_F(OriginsTest, HostsBeyondTheTableShareOneNumber) {
  for (std::size_t i = 0; i < limits::k_origins * 2; ++i) {
    origins.of_url("https://host" + std::to_string(i) + ".test/x");
  }
  EXPECT_EQ(origins.of_url("https://late.test/x"), origins.of_url("https://later.test/x"));
  EXPECT_EQ(origins.of_url("https://conda.test/x"), host);
}

TEST_F(OriginsTest, ARateIsKeptInEveryWindow) {
  limit({.in_flight = 100, .requests_per_second = 20, .burst = 5});
  now += 10s;  // it doesn't save up more than the burst
  std::deque<TimePoint> requests;
  std::uint32_t all = 0;
  const TimePoint end = now + 10s;
  for (; now < end; now += 3ms) {
    while (one_job()) {
      requests.push_back(now);
      ++all;
    }
    while (!requests.empty() && requests.front() <= now - 1s) {
      requests.pop_front();
    }
    ASSERT_LE(requests.size(), 25U);
  }
  EXPECT_GE(all, 200U);
  EXPECT_EQ(origins.requests_per_job(host), 1U);
  while (one_job()) {
  }
  EXPECT_EQ(origins.gate(host, now).state, OriginState::rate);
}

TEST_F(OriginsTest, AWorkersOwnRetriesAreSubtractedFromTheRate) {
  limit({.in_flight = 100, .requests_per_second = 10, .burst = 1});
  ASSERT_TRUE(one_job());
  origins.count_success(host, now, success(4));  // three more than it was given
  EXPECT_FALSE(origins.is_open(host, now + 399ms));
  EXPECT_TRUE(origins.is_open(host, now + 401ms));
}

TEST_F(OriginsTest, ARequestThatWasNotNeededIsGivenBack) {
  limit({.in_flight = 100, .requests_per_second = 1, .burst = 1});
  ASSERT_TRUE(one_job());
  JobSuccess local;
  local.provenance = Provenance::local;
  origins.count_success(host, now, local);
  EXPECT_TRUE(one_job());
}

TEST_F(OriginsTest, WhatAHostBearsIsLearnedFromItsComplaints) {
  // A host that bears 40 requests a second and complains about each one beyond.
  double bucket = 40;
  std::uint32_t served = 0;
  std::uint32_t refused = 0;
  const TimePoint begin = now;
  for (; now < begin + 120s; now += 10ms) {
    bucket = std::min(40.0, bucket + 0.4);
    origins.on_tick(now);
    while (origins.is_open(host, now)) {
      origins.begin(host, now);
      origins.end(host);
      if (bucket >= 1) {
        bucket -= 1;
        served += now >= begin + 20s ? 1U : 0U;
        origins.count_success(host, now, success());
      } else {
        refused += now >= begin + 20s ? 1U : 0U;
        origins.count_failure(host, now, now, failure(1));
      }
      if (served + refused > 1'000'000) {
        FAIL() << "no limit was learned";
      }
    }
  }
  EXPECT_GE(served, 100 * 40 * 85 / 100) << "most of what it bears is used";
  EXPECT_LE(refused, served / 20) << "and it is hardly ever bothered";
}

TEST_F(OriginsTest, FailuresInARowOpenTheBreakerAndOneJobTriesItLater) {
  fail(Origins::k_breaker_failures - 1);
  EXPECT_TRUE(origins.is_open(host, now));
  fail(1);
  EXPECT_EQ(origins.gate(host, now).state, OriginState::paused);
  now += Origins::k_breaker_pause;
  EXPECT_EQ(fill(), 1U) << "one tries it";
  fail(1);
  origins.end(host);
  EXPECT_EQ(origins.gate(host, now).state, OriginState::paused);
  now += 2 * Origins::k_breaker_pause;
  EXPECT_EQ(fill(), 2U) << "a run must end, so more and more try it";
  origins.count_success(host, now, success());
  EXPECT_EQ(fill(), Origins::k_in_flight_start - 2);
}

TEST_F(OriginsTest, WhatWasUnderWayWhenTheBreakerOpenedDoesNotOpenItFurther) {
  const TimePoint begun = now;
  fail(Origins::k_breaker_failures);
  now += 1s;
  for (int i = 0; i < 50; ++i) {
    origins.count_failure(host, now, begun - 1s, failure());
  }
  now = begun + Origins::k_breaker_pause;
  EXPECT_EQ(fill(), 1U);
}

TEST_F(OriginsTest, AnAnswerThatAFileIsNotThereIsNoReasonToOpenTheBreaker) {
  JobFailure absent = failure();
  absent.kind = ErrorKind::not_found;
  fail(Origins::k_breaker_failures - 1);
  origins.count_failure(host, now, now, absent);
  fail(1);
  EXPECT_TRUE(origins.is_open(host, now));
}

TEST(OriginRates, AreHostsAndNumbers) {
  const auto limits = parse_origin_rates({{"conda.test", "12.5"}, {"*", "100"}});
  ASSERT_TRUE(limits.ok());
  EXPECT_EQ(limits->all.requests_per_second, 100);
  EXPECT_EQ(limits->by_host.at("conda.test").requests_per_second, 12.5);
  for (const auto& [host, rate] : std::map<std::string, std::string>{
           {"conda.test", "fast"}, {"a", "-1"}, {"b", "nan"}, {"c", "5/s"}, {"https://d/", "5"}}) {
    EXPECT_FALSE(parse_origin_rates({{host, rate}}).ok()) << host << "=" << rate;
  }
}

TEST_F(OriginsTest, SaysWhetherMoreWorkersWouldHelp) {
  limit({.in_flight = 2, .requests_per_second = 0, .burst = 0});
  const auto bound = [&](std::size_t waiting) {
    return origins.stats(now, [&](OriginId) { return waiting; }).at(0).bound;
  };
  EXPECT_FALSE(bound(5)) << "nobody is there yet";
  fill();
  EXPECT_TRUE(bound(5));
  EXPECT_FALSE(bound(0));
}

TEST_F(ReactorTest, RetryAfterFromOneWorkerSlowsAllAndLeavesOtherHostsAlone) {
  JobSpec elsewhere = spec("z");
  elsewhere.source_url = elsewhere.fetch_url = "https://mirror.test/channel/linux-64/z-1-0.tar.bz2";
  submit({spec("a", 3), spec("b", 2)});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  JobFailure failure;
  failure.stage = Stage::fetch;
  failure.kind = ErrorKind::retry;
  failure.message = "too many requests";
  failure.retry_after = 5s;
  reactor->on_message(now, a,
                      protocol::Report{.session = sessions[a], .lease = lease, .outcome = failure});
  take<protocol::ReportAck>(a);
  EXPECT_EQ(reactor->core().jobs.at(lease.job).failures, 0) << "that was not the job's fault";
  hello(b, "host/2", 1);
  settle();
  EXPECT_TRUE(nothing_sent(a));
  EXPECT_TRUE(nothing_sent(b));
  submit({elsewhere});
  settle();
  const PeerId served = nothing_sent(a) ? b : a;
  EXPECT_EQ(take<protocol::Grant>(served).jobs.at(0).spec.source_url, elsewhere.source_url);
  pass(5s);
  const auto next = take<protocol::Grant>(served == a ? b : a);
  ASSERT_EQ(next.jobs.size(), 1U);
  EXPECT_EQ(next.jobs[0].spec.requests, 1U) << "the rate is shared out now";
  EXPECT_TRUE(next.jobs[0].first);
}

TEST_F(ReactorTest, AJobThatIsRefusedForEverFailsInTheEnd) {
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  int refusals = 0;
  for (; state(submitted.jobs[0]) != JobState::failed; ++refusals) {
    ASSERT_LT(refusals, 100);
    pass(2s);
    JobFailure failure;
    failure.stage = Stage::fetch;
    failure.kind = ErrorKind::retry;
    failure.throttled = 1;
    if (!nothing_sent(a)) {
      const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
      reactor->on_message(
          now, a, protocol::Report{.session = sessions[a], .lease = lease, .outcome = failure});
      take<protocol::ReportAck>(a);
    }
    renew(a, {});
    take<protocol::Pulse>(a);
  }
  EXPECT_GT(refusals, 20);
}

}  // namespace
}  // namespace athanor::coordinator
