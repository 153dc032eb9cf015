#include "coordinator/core/explain.hpp"
#include "tests/unit/coordinator_core/reactor_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>

namespace athanor::coordinator {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class BalanceTest : public ReactorTest {
 protected:
  // All of a worker's grants since the last look.
  std::vector<protocol::GrantedJob> grants(PeerId peer) {
    std::vector<protocol::GrantedJob> jobs;
    while (!outbox.sent[peer].empty() &&
           std::holds_alternative<protocol::Grant>(outbox.sent[peer].front())) {
      for (protocol::GrantedJob& job : take<protocol::Grant>(peer).jobs) {
        jobs.push_back(std::move(job));
      }
    }
    return jobs;
  }
  // Heartbeats of everything held, the running ones with progress.
  void beat(PeerId peer, const std::vector<LeaseKey>& leases) {
    renew(peer, leases, ++steps);
    take<protocol::Pulse>(peer);
  }
  std::uint64_t steps = 0;
};

TEST_F(BalanceTest, FewJobsGoToFreeSlotsBeforeTheyWaitAtBusyWorkers) {
  submit({spec("a"), spec("b"), spec("c")});
  hello(a, "host/1", 4);  // two slots, and room for two more
  hello(b, "host/2", 4);
  settle();
  EXPECT_EQ(grants(a).size() + grants(b).size(), 3U);
  EXPECT_LE(reactor->core().workers.find(WorkerId{1})->held.size(), 2U);
  EXPECT_LE(reactor->core().workers.find(WorkerId{2})->held.size(), 2U);
}

TEST_F(BalanceTest, WhatWaitsAtABusyWorkerComesBackForAnIdleOne) {
  submit({spec("a"), spec("b")});
  hello(a, "host/1", 2);
  settle();
  const auto held = grants(a);
  ASSERT_EQ(held.size(), 2U);
  hello(b, "host/2", 2);
  pass(1s);
  const auto retract = take<protocol::Retract>(a);
  EXPECT_THAT(retract.leases, ElementsAre(held[1].lease)) << "the one that came last begins last";
  pass(1s);
  EXPECT_TRUE(nothing_sent(a)) << "asked once";
  reactor->on_message(now, a, protocol::Release{.session = sessions[a], .leases = retract.leases});
  settle();
  const auto moved = grants(b);
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].lease.job, held[1].lease.job);
  EXPECT_EQ(reactor->core().stories.count(held[1].lease.job), 0U) << "that is no trouble";
}

TEST_F(BalanceTest, AStragglerIsDoneByASecondWorkerAndTheFirstReportWins) {
  const Submitted submitted = submit({spec("slow")});
  hello(a, "host1/1", 1);
  settle();
  const LeaseKey first = grants(a).at(0).lease;
  hello(b, "host2/1", 1);
  for (int i = 0; i < 4; ++i) {
    pass(1s);
    beat(a, {first});
    beat(b, {});
    EXPECT_TRUE(nothing_sent(b));
  }
  pass(2s);
  const auto second = grants(b);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].lease.job, first.job);
  EXPECT_EQ(second[0].lease.attempt, first.attempt + 1);
  pass(1s);
  report_success(b, second[0].lease);
  EXPECT_THAT(take<protocol::Revoke>(a).leases, ElementsAre(first));
  EXPECT_EQ(outbox.publishing.size(), 1U);
  report_success(a, first);
  EXPECT_EQ(events<JobFinished>().size(), 1U) << "the loser's report changes nothing";
  const auto told = explain_job(reactor->core(), submitted.jobs[0], now);
  ASSERT_EQ(told->history.size(), 2U);
  EXPECT_EQ(told->history[0].end, AttemptEnd::outrun);
  EXPECT_EQ(told->history[1].worker, "host2/1");
}

TEST_F(BalanceTest, TheOtherAttemptGoesOnWhenOneOfTwoFails) {
  const Submitted submitted = submit({spec("slow")});
  hello(a, "host1/1", 1);
  settle();
  const LeaseKey first = grants(a).at(0).lease;
  hello(b, "host2/1", 1);
  pass(6s);
  const auto second = grants(b);
  ASSERT_EQ(second.size(), 1U);
  report_failure(b, second[0].lease, ErrorKind::retry);
  EXPECT_EQ(state(submitted.jobs[0]), JobState::leased);
  reactor->on_process_ended(now, "host1/1", "was ended by signal 9");
  check();
  EXPECT_EQ(state(submitted.jobs[0]), JobState::ready);
  settle();
  EXPECT_EQ(grants(b).at(0).lease.attempt, first.attempt + 2);
}

TEST_F(BalanceTest, NothingIsDoneTwiceWhileSomethingElseCanBeDone) {
  submit({spec("slow", 10), spec("next", 1)});
  hello(a, "host1/1", 1);
  settle();
  const LeaseKey first = grants(a).at(0).lease;
  pass(6s);
  beat(a, {first});
  hello(b, "host2/1", 1);
  settle();
  const auto second = grants(b);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_NE(second[0].lease.job, first.job);
}

TEST_F(BalanceTest, ADrainingWorkerIsAskedForWhatItHasNotBegun) {
  submit({spec("a"), spec("b")});
  hello(a, "host/1", 2);
  settle();
  const auto held = grants(a);
  reactor->on_drain_worker(now, WorkerId{1});
  EXPECT_EQ(take<protocol::Retract>(a).leases.size(), 2U);
  reactor->on_message(now, a, protocol::Release{.session = sessions[a], .leases = {held[1].lease}});
  report_success(a, held[0].lease);
  take<protocol::Drain>(a);
}

TEST_F(BalanceTest, DownloadsAndComputingAreMixed) {
  std::vector<JobSpec> jobs;
  for (int i = 0; i < 6; ++i) {
    jobs.push_back(spec("download" + std::to_string(i), 10));
    jobs.push_back(spec("compute" + std::to_string(i), 1000));
    jobs.back().present = {whole_success().formats[1]};
  }
  submit(jobs);
  hello(a, "host/1", 1);
  outbox.sent.clear();
  reactor->on_message(now, a,
                      protocol::Hello{.protocol_min = 1,
                                      .protocol_max = 1,
                                      .name = "host/1",
                                      .version = "0.1.0",
                                      .features = {},
                                      .capacity = {.jobs = 6, .cpu = 2, .slots = 6},
                                      .running = {}});
  sessions[a] = take<protocol::Welcome>(a).session;
  settle();
  const auto granted = grants(a);
  ASSERT_EQ(granted.size(), 6U);
  const auto computing = std::count_if(granted.begin(), granted.end(),
                                       [](const auto& job) { return !job.spec.present.empty(); });
  EXPECT_EQ(computing, 2) << "no more than it has cores, although these are the larger ones";
}

// Eight workers at a host that bears 20 requests a second, and a second host that bears anything.
class TwoHostsTest : public BalanceTest {
 protected:
  struct Running {
    TimePoint done;
    PeerId peer;
    LeaseKey lease;
  };

  TwoHostsTest() {
    ReactorOptions options;
    options.settings.store_url = "file:///store";
    options.settings.packages_root = "packages";
    options.settings.environments_root = "envs";
    options.settings.zstd_level = 19;
    options.origins.by_host["conda.test"] = {
        .in_flight = 256, .requests_per_second = 20, .burst = 5};
    reactor = std::make_unique<Reactor>(
        std::move(options), Random(7), [this] { return next_session++; }, outbox);
    std::vector<JobSpec> jobs;
    for (int i = 0; i < 1'500; ++i) {
      jobs.push_back(spec("limited" + std::to_string(i)));
      JobSpec free = spec("free" + std::to_string(i), 1000);
      free.source_url = free.fetch_url =
          "https://mirror.test/channel/linux-64/free" + std::to_string(i) + "-1-0.tar.bz2";
      jobs.push_back(std::move(free));
    }
    submit(std::move(jobs));
    for (std::uint64_t worker = 0; worker < 8; ++worker) {
      peers.push_back(PeerId{200 + worker});
      hello(peers.back(), "host" + std::to_string(worker) + "/1", 8);
    }
  }

  void finish_due() {
    JobSuccess success = whole_success();
    success.requests = 1;
    std::erase_if(running, [&](const Running& job) {
      if (job.done > now) {
        return false;
      }
      reactor->on_report(now, job.peer,
                         {.session = sessions[job.peer], .lease = job.lease, .outcome = success});
      return true;
    });
  }

  void begin_granted(PeerId peer) {
    for (protocol::Message& message : std::exchange(outbox.sent[peer], {})) {
      const auto* grant = std::get_if<protocol::Grant>(&message);
      for (const protocol::GrantedJob& job :
           grant == nullptr ? std::vector<protocol::GrantedJob>() : grant->jobs) {
        const bool is_limited = job.spec.source_url.find("limited") != std::string::npos;
        EXPECT_EQ(job.first, is_limited);
        if (is_limited) {
          ++limited;
          requests.push_back(now);
        } else {
          ++unlimited;
        }
        running.push_back({.done = now + 100ms + std::chrono::milliseconds(random.below(400)),
                           .peer = peer,
                           .lease = job.lease});
      }
    }
  }

  std::vector<PeerId> peers;
  std::vector<Running> running;
  std::deque<TimePoint> requests;  // at the limited host, of the last second
  std::size_t limited = 0;
  std::size_t unlimited = 0;
  Random random{1};
};

TEST_F(TwoHostsTest, AFleetSharesAHostsRateAndOtherHostsGoOnAtFullSpeed) {
  const TimePoint begin = now;
  for (; now < begin + 20s; now += 10ms) {
    reactor->on_tick(now);
    finish_due();
    reactor->dispatch(now);
    for (const PeerId peer : peers) {
      reactor->on_renew(now, peer, {.session = sessions[peer], .running = {}});
      begin_granted(peer);
    }
    while (!requests.empty() && requests.front() <= now - 1s) {
      requests.pop_front();
    }
    ASSERT_LE(requests.size(), 25U) << "never above the rate by more than the burst";
  }
  EXPECT_GE(limited, 20U * 20U * 9U / 10U) << "never below 90 % while work waits";
  EXPECT_GE(unlimited, 1'400U) << "the other host is served at full speed";
  drop_messages();
}

}  // namespace
}  // namespace athanor::coordinator
