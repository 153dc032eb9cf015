#include "coordinator/core/origins.hpp"

#include "tests/unit/coordinator_core/reactor_fixture.hpp"

#include <gmock/gmock.h>

namespace athanor::coordinator {
namespace {

using namespace std::chrono_literals;

class OriginsTest : public testing::Test {
 protected:
  std::uint32_t fill() {
    std::uint32_t begun = 0;
    while (origins.is_open(host, now)) {
      origins.begin(host);
      ++begun;
    }
    return begun;
  }
  Origins origins;
  OriginId host = origins.of_url("https://conda.test/channel/linux-64/x-1-0.conda");
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
    origins.count_success(host, 1);
  }
  EXPECT_EQ(fill(), Origins::k_in_flight_start + 1);
}

TEST_F(OriginsTest, ManyComplaintsOfOneRoundHalveTheLimitOnce) {
  for (int i = 0; i < 50; ++i) {
    origins.slow_down(host, now, std::nullopt);
  }
  EXPECT_EQ(fill(), Origins::k_in_flight_start / 2);
}

TEST_F(OriginsTest, AHostIsNeverShutOutForGood) {
  for (int i = 0; i < 50; ++i) {
    now += 2s;
    origins.slow_down(host, now, std::nullopt);
  }
  EXPECT_EQ(fill(), 1U);
}

TEST_F(OriginsTest, APauseThatTheHostAskedForIsKeptByAll) {
  origins.slow_down(host, now, 30s);
  origins.slow_down(host, now, 5s);
  EXPECT_FALSE(origins.is_open(host, now + 30s - 1ms));
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
  hello(b, "host/2", 1);
  settle();
  EXPECT_TRUE(nothing_sent(a));
  EXPECT_TRUE(nothing_sent(b));
  submit({elsewhere});
  settle();
  const PeerId served = nothing_sent(a) ? b : a;
  EXPECT_EQ(take<protocol::Grant>(served).jobs.at(0).spec.source_url, elsewhere.source_url);
  pass(5s);
  EXPECT_EQ(take<protocol::Grant>(served == a ? b : a).jobs.size(), 1U);
}

}  // namespace
}  // namespace athanor::coordinator
