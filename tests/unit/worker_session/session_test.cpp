#include "worker/session/session.hpp"

#include "shared/base/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace athanor::worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

LeaseKey lease(std::uint64_t job, std::uint32_t attempt = 1) {
  return {.epoch = 1, .job = {job}, .attempt = attempt};
}

class RecordingOutbox final : public Outbox {
 public:
  void send(protocol::Message message) override { sent.push_back(std::move(message)); }
  void reconnect() override { ++reconnects; }
  void configure(const protocol::WorkSettings& settings) override {
    configured.push_back(settings.store_url);
  }
  void start(const LeaseKey& key, const JobSpec& /*spec*/) override { started.push_back(key); }
  void stop(const LeaseKey& key) override { stopped.push_back(key); }

  // The messages of one type sent since the last call of this for any type; the rest is forgotten.
  template <typename T>
  std::vector<T> take() {
    std::vector<T> found;
    for (const protocol::Message& message : sent) {
      if (const T* value = std::get_if<T>(&message)) {
        found.push_back(*value);
      }
    }
    sent.clear();
    return found;
  }

  std::vector<protocol::Message> sent;
  std::vector<LeaseKey> started;
  std::vector<LeaseKey> stopped;
  std::vector<std::string> configured;
  int reconnects = 0;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest()
      : session_({.name = "test", .version = "1", .capacity = {.jobs = 3, .cpu = 1}, .slots = 2},
                 Random(1), outbox_) {}

  void welcome(std::vector<LeaseKey> adopted = {}) {
    protocol::Welcome message{.session = ++sessions_,
                              .epoch = 1,
                              .protocol = 1,
                              .heartbeat_interval = seconds(2),
                              .lease_duration = seconds(8),
                              .settings = {},
                              .adopted = std::move(adopted)};
    message.settings.store_url = "memory";
    session_.on_message(message, now_);
  }
  void connect() {
    session_.on_connected(now_);
    welcome();
    outbox_.sent.clear();
  }
  void grant(const std::vector<LeaseKey>& leases) {
    protocol::Grant message;
    for (const LeaseKey& key : leases) {
      message.jobs.push_back({.lease = key, .spec = {}});
    }
    session_.on_message(message, now_);
  }
  void finish(const LeaseKey& key) { session_.on_finished(key, JobSuccess{}, now_); }
  void acknowledge(const LeaseKey& key) {
    session_.on_message(protocol::ReportAck{.lease = key}, now_);
  }
  // Time passes in steps of a quarter second while the coordinator answers.
  void pass(Duration duration, const std::vector<LeaseKey>& moving = {}, bool answered = true) {
    for (Duration passed{}; passed < duration; passed += milliseconds(250)) {
      now_ += milliseconds(250);
      std::vector<protocol::JobProgress> progress;
      for (const LeaseKey& key : moving) {
        progress.push_back({.lease = key, .stage = Stage::fetch, .bytes = 0, .steps = ++steps_});
      }
      session_.on_tick(progress, now_);
      if (answered) {
        session_.on_message(protocol::Pulse{}, now_);
      }
    }
  }
  std::vector<LeaseKey> renewed() {
    const auto renewals = outbox_.take<protocol::Renew>();
    std::vector<LeaseKey> leases;
    if (!renewals.empty()) {
      for (const protocol::JobProgress& job : renewals.back().running) {
        leases.push_back(job.lease);
      }
    }
    return leases;
  }

  TimePoint now_{seconds(1000)};
  RecordingOutbox outbox_;
  Session session_;
  std::uint64_t sessions_ = 100;
  std::uint64_t steps_ = 0;
};

TEST_F(SessionTest, WhatIsRetractedComesBackUnlessItHasBegun) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  ASSERT_THAT(outbox_.started, ElementsAre(lease(1), lease(2)));
  session_.on_message(protocol::Retract{.leases = {lease(1), lease(3), lease(9)}}, now_);
  const auto releases = outbox_.take<protocol::Release>();
  ASSERT_EQ(releases.size(), 1U);
  EXPECT_THAT(releases[0].leases, ElementsAre(lease(3)));
  EXPECT_THAT(outbox_.stopped, IsEmpty());
  finish(lease(1));
  EXPECT_THAT(outbox_.started, ElementsAre(lease(1), lease(2))) << "it is not ours any more";
  session_.on_message(protocol::Retract{.leases = {lease(2)}}, now_);
  EXPECT_THAT(outbox_.take<protocol::Release>(), IsEmpty());
}

TEST_F(SessionTest, WhatIsGrantedAsFirstBeginsBeforeOthersThatWait) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  finish(lease(1));
  finish(lease(2));
  acknowledge(lease(1));
  acknowledge(lease(2));
  outbox_.started.clear();
  session_.on_message(protocol::Grant{.jobs = {{.lease = lease(4), .spec = {}},
                                               {.lease = lease(5), .spec = {}, .first = true}}},
                      now_);
  EXPECT_THAT(outbox_.started, ElementsAre(lease(5)));
}

TEST_F(SessionTest, AHeartbeatSaysWhatHasNotBegun) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  pass(seconds(2), {lease(1), lease(2)});
  const auto renewals = outbox_.take<protocol::Renew>();
  ASSERT_EQ(renewals.size(), 1U);
  for (const protocol::JobProgress& job : renewals[0].running) {
    EXPECT_EQ(job.waiting, job.lease == lease(3));
  }
}

TEST_F(SessionTest, ItGreetsAndIsConfiguredOnce) {
  EXPECT_EQ(session_.state(), SessionState::offline);
  session_.on_connected(now_);
  const auto hellos = outbox_.take<protocol::Hello>();
  ASSERT_EQ(hellos.size(), 1U);
  EXPECT_EQ(hellos[0].capacity.jobs, 3U);
  EXPECT_TRUE(session_.alone_since().has_value());
  welcome();
  EXPECT_EQ(session_.state(), SessionState::active);
  EXPECT_FALSE(session_.alone_since().has_value());
  EXPECT_THAT(outbox_.configured, ElementsAre("memory"));
  session_.on_disconnected(now_);
  session_.on_connected(now_);
  welcome();
  EXPECT_THAT(outbox_.configured, ElementsAre("memory"));
}

TEST_F(SessionTest, AfterItsLastJobItGivesTheRestBackAndLeaves) {
  Session session({.name = "test",
                   .version = "1",
                   .capacity = {.jobs = 4, .cpu = 1},
                   .slots = 1,
                   .max_jobs = 2},
                  Random(1), outbox_);
  session.on_connected(now_);
  session.on_message(protocol::Welcome{.session = 7,
                                       .epoch = 1,
                                       .protocol = 1,
                                       .heartbeat_interval = seconds(2),
                                       .lease_duration = seconds(8),
                                       .settings = {},
                                       .adopted = {}},
                     now_);
  protocol::Grant grant;
  for (std::uint64_t job = 1; job <= 4; ++job) {
    grant.jobs.push_back({.lease = lease(job), .spec = {}});
  }
  session.on_message(grant, now_);
  EXPECT_EQ(session.state(), SessionState::active);
  session.on_finished(lease(1), JobSuccess{}, now_);
  EXPECT_THAT(outbox_.started, ElementsAre(lease(1), lease(2)));
  EXPECT_EQ(session.state(), SessionState::leaving);
  const auto releases = outbox_.take<protocol::Release>();
  ASSERT_EQ(releases.size(), 1U);
  EXPECT_THAT(releases[0].leases, ElementsAre(lease(3), lease(4)));
  session.on_finished(lease(2), JobFailure{}, now_);
  session.on_message(protocol::ReportAck{.lease = lease(1)}, now_);
  session.on_message(protocol::ReportAck{.lease = lease(2)}, now_);
  ASSERT_TRUE(session.end().has_value());
  EXPECT_FALSE(session.end()->rejected);
  EXPECT_EQ(outbox_.take<protocol::Goodbye>().size(), 1U);
  EXPECT_EQ(outbox_.started.size(), 2U);
}

TEST_F(SessionTest, NoMoreJobsRunThanThereAreSlots) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  EXPECT_THAT(outbox_.started, ElementsAre(lease(1), lease(2)));
  finish(lease(1));
  EXPECT_THAT(outbox_.started, ElementsAre(lease(1), lease(2), lease(3)));
}

TEST_F(SessionTest, WhatIsMoreThanAnnouncedIsGivenBack) {
  connect();
  grant({lease(1), lease(2), lease(3), lease(4)});
  const auto releases = outbox_.take<protocol::Release>();
  ASSERT_EQ(releases.size(), 1U);
  EXPECT_THAT(releases[0].leases, ElementsAre(lease(4)));
}

TEST_F(SessionTest, AGrantSaidTwiceIsOneJob) {
  connect();
  grant({lease(1)});
  grant({lease(1)});
  EXPECT_THAT(outbox_.started, ElementsAre(lease(1)));
  EXPECT_THAT(outbox_.take<protocol::Release>(), IsEmpty());
}

TEST_F(SessionTest, AnOutcomeIsReportedUntilItIsAcknowledged) {
  connect();
  grant({lease(1)});
  finish(lease(1));
  EXPECT_EQ(outbox_.take<protocol::Report>().size(), 1U);
  pass(seconds(2));
  EXPECT_EQ(outbox_.take<protocol::Report>().size(), 1U);
  pass(seconds(60));
  const std::size_t repeated = outbox_.take<protocol::Report>().size();
  EXPECT_GE(repeated, 3U);
  EXPECT_LE(repeated, 6U) << "pauses grow";
  acknowledge(lease(1));
  pass(seconds(60));
  EXPECT_THAT(outbox_.take<protocol::Report>(), IsEmpty());
  EXPECT_EQ(session_.held(), 0U);
}

TEST_F(SessionTest, OnlyMovingJobsAreRenewed) {
  connect();
  grant({lease(1), lease(2)});
  pass(limits::k_job_stall + seconds(4), {lease(1)});
  EXPECT_THAT(renewed(), ElementsAre(lease(1)));
  pass(seconds(4), {lease(1), lease(2)});
  EXPECT_THAT(renewed(), ElementsAre(lease(1), lease(2)));
}

TEST_F(SessionTest, WaitingJobsAreAsAliveAsTheSlotsTheyWaitFor) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  pass(limits::k_job_stall + seconds(4), {lease(1)});
  EXPECT_THAT(renewed(), ElementsAre(lease(1), lease(3)));
  pass(limits::k_job_stall + seconds(4));
  EXPECT_THAT(renewed(), IsEmpty());
}

TEST_F(SessionTest, StepsToldOfAJobOnlyGrow) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  std::uint64_t last = 0;
  const auto check = [&] {
    for (const protocol::Renew& renew : outbox_.take<protocol::Renew>()) {
      for (const protocol::JobProgress& job : renew.running) {
        if (job.lease == lease(3)) {
          EXPECT_GT(job.steps, last);
          last = job.steps;
        }
      }
    }
  };
  pass(seconds(20), {lease(1)});
  check();
  EXPECT_GT(last, 0U);
  finish(lease(1));
  pass(seconds(20), {lease(3)});
  check();
  finish(lease(3));
  pass(seconds(20));
  check();
}

TEST_F(SessionTest, AfterReconnectingAdoptedJobsGoOnAndOthersStop) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  session_.on_disconnected(now_);
  finish(lease(1));
  EXPECT_THAT(outbox_.take<protocol::Report>(), IsEmpty());
  EXPECT_THAT(outbox_.started, ElementsAre(lease(1), lease(2))) << "is it still ours?";
  session_.on_connected(now_);
  const auto hellos = outbox_.take<protocol::Hello>();
  ASSERT_EQ(hellos.size(), 1U);
  EXPECT_THAT(hellos[0].running, ElementsAre(lease(1), lease(2), lease(3)));
  welcome({lease(1), lease(3)});
  EXPECT_THAT(outbox_.stopped, ElementsAre(lease(2)));
  EXPECT_THAT(outbox_.started, ElementsAre(lease(1), lease(2), lease(3)));
  const auto reports = outbox_.take<protocol::Report>();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].lease, lease(1));
  EXPECT_EQ(reports[0].session, sessions_);
  session_.on_finished(lease(2), JobFailure{}, now_);
  EXPECT_THAT(outbox_.take<protocol::Report>(), IsEmpty()) << "it isn't ours any more";
}

TEST_F(SessionTest, ASilentCoordinatorGetsANewConnection) {
  connect();
  grant({lease(1)});
  pass(seconds(7), {lease(1)}, false);
  EXPECT_EQ(session_.state(), SessionState::active);
  pass(seconds(3), {lease(1)}, false);
  EXPECT_EQ(outbox_.reconnects, 1);
  EXPECT_EQ(session_.state(), SessionState::offline);
  EXPECT_EQ(session_.held(), 1U) << "its job goes on";
  session_.on_connected(now_);
  for (int i = 0; i < 20; ++i) {
    pass(seconds(40), {}, false);
    session_.on_connected(now_);
  }
  EXPECT_GT(outbox_.reconnects, 5) << "greetings without answer are repeated on new connections";
}

TEST_F(SessionTest, AWelcomeOfAnEarlierConnectionIsIgnored) {
  session_.on_connected(now_);
  session_.on_disconnected(now_);
  welcome();
  EXPECT_EQ(session_.state(), SessionState::offline);
}

TEST_F(SessionTest, RevokedJobsStopAndAreNeverSpokenOfAgain) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  session_.on_message(protocol::Revoke{.leases = {lease(1), lease(3)}}, now_);
  EXPECT_THAT(outbox_.stopped, ElementsAre(lease(1)));
  outbox_.sent.clear();
  pass(seconds(4), {lease(1), lease(2)});
  EXPECT_THAT(renewed(), ElementsAre(lease(2)));
  grant({lease(4)});
  EXPECT_THAT(outbox_.started, ElementsAre(lease(1), lease(2))) << "the slot is still in use";
  session_.on_finished(lease(1), JobFailure{}, now_);
  EXPECT_THAT(outbox_.take<protocol::Report>(), IsEmpty());
  EXPECT_THAT(outbox_.started, ElementsAre(lease(1), lease(2), lease(4)));
}

TEST_F(SessionTest, DrainingGivesBackWhatHasNotBegunAndFinishesTheRest) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  session_.on_message(protocol::Drain{}, now_);
  auto releases = outbox_.take<protocol::Release>();
  ASSERT_EQ(releases.size(), 1U);
  EXPECT_THAT(releases[0].leases, ElementsAre(lease(3)));
  grant({lease(5)});
  releases = outbox_.take<protocol::Release>();
  ASSERT_EQ(releases.size(), 1U);
  EXPECT_THAT(releases[0].leases, ElementsAre(lease(5)));
  finish(lease(1));
  finish(lease(2));
  acknowledge(lease(1));
  EXPECT_EQ(session_.state(), SessionState::leaving);
  outbox_.sent.clear();
  acknowledge(lease(2));
  EXPECT_EQ(session_.state(), SessionState::over);
  EXPECT_EQ(outbox_.take<protocol::Goodbye>().size(), 1U);
  ASSERT_TRUE(session_.end().has_value());
  EXPECT_FALSE(session_.end()->rejected);
}

TEST_F(SessionTest, DrainingWithoutConnectionStillDeliversTheOutcome) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  session_.on_disconnected(now_);
  session_.drain(now_);
  finish(lease(1));
  session_.on_finished(lease(2), JobFailure{}, now_);
  EXPECT_EQ(session_.state(), SessionState::leaving_offline);
  outbox_.sent.clear();
  session_.on_connected(now_);
  const auto hellos = outbox_.take<protocol::Hello>();
  ASSERT_EQ(hellos.size(), 1U);
  EXPECT_THAT(hellos[0].running, ElementsAre(lease(1), lease(2))) << "the third is given back";
  welcome({lease(1), lease(2)});
  EXPECT_EQ(outbox_.take<protocol::Report>().size(), 2U);
  acknowledge(lease(1));
  acknowledge(lease(2));
  EXPECT_EQ(session_.state(), SessionState::over);
}

TEST_F(SessionTest, DrainingWithNothingToDoEndsAtOnce) {
  session_.drain(now_);
  EXPECT_EQ(session_.state(), SessionState::over);
  session_.on_connected(now_);
  EXPECT_THAT(outbox_.sent, IsEmpty());
}

TEST_F(SessionTest, DrainingWhileGreetingWaitsToSayGoodbye) {
  session_.on_connected(now_);
  session_.drain(now_);
  EXPECT_EQ(session_.state(), SessionState::leaving_greeting);
  outbox_.sent.clear();
  welcome();
  EXPECT_EQ(outbox_.take<protocol::Goodbye>().size(), 1U);
  EXPECT_EQ(session_.state(), SessionState::over);
}

TEST_F(SessionTest, DrainingWhileGreetingDoesNotWaitForEver) {
  session_.on_connected(now_);
  session_.drain(now_);
  pass(seconds(6), {}, false);
  EXPECT_EQ(session_.state(), SessionState::over);
}

TEST_F(SessionTest, AbandoningWhileGreetingEndsAtOnce) {
  session_.on_connected(now_);
  session_.abandon(now_);
  EXPECT_EQ(session_.state(), SessionState::over);
}

TEST_F(SessionTest, AbandoningGivesBackRunningJobsToo) {
  connect();
  grant({lease(1), lease(2), lease(3)});
  finish(lease(1));
  outbox_.sent.clear();
  session_.abandon(now_);
  EXPECT_THAT(outbox_.stopped, ElementsAre(lease(2), lease(3)));
  std::set<LeaseKey> released;
  bool reported = false;
  bool goodbye = false;
  for (const protocol::Message& message : outbox_.sent) {
    if (const auto* release = std::get_if<protocol::Release>(&message)) {
      released.insert(release->leases.begin(), release->leases.end());
    }
    reported = reported || std::holds_alternative<protocol::Report>(message);
    goodbye = goodbye || std::holds_alternative<protocol::Goodbye>(message);
  }
  EXPECT_THAT(released, ElementsAre(lease(2), lease(3)));
  EXPECT_TRUE(reported);
  EXPECT_TRUE(goodbye);
  EXPECT_EQ(session_.state(), SessionState::over);
}

TEST_F(SessionTest, ARejectionEndsItWithTheCoordinatorsWords) {
  session_.on_connected(now_);
  session_.on_message(protocol::Reject{.reason = "protocol 9 only"}, now_);
  EXPECT_EQ(session_.state(), SessionState::over);
  ASSERT_TRUE(session_.end().has_value());
  EXPECT_TRUE(session_.end()->rejected);
  EXPECT_EQ(session_.end()->reason, "protocol 9 only");
  session_.on_connected(now_);
  EXPECT_EQ(session_.state(), SessionState::over);
}

TEST_F(SessionTest, AnyOrderOfEventsKeepsItsPromises) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    RecordingOutbox outbox;
    Session session({.name = "n", .version = "1", .capacity = {3, 1}, .slots = 2}, Random(seed),
                    outbox);
    std::set<LeaseKey> started;
    for (int i = 0; i < 400; ++i) {
      now_ += milliseconds(random.below(3000));
      const LeaseKey some = lease(1 + random.below(6), 1 + static_cast<std::uint32_t>(i / 40));
      switch (random.below(10)) {
        case 0:
          session.on_connected(now_);
          break;
        case 1:
          session.on_disconnected(now_);
          break;
        case 2:
          session.on_message(protocol::Welcome{.session = 7,
                                               .epoch = 1,
                                               .protocol = 1,
                                               .heartbeat_interval = seconds(2),
                                               .lease_duration = seconds(8),
                                               .settings = {},
                                               .adopted = {some}},
                             now_);
          break;
        case 3:
        case 4:
          session.on_message(protocol::Grant{.jobs = {{some, {}}}}, now_);
          break;
        case 5:
          if (!started.empty()) {
            const LeaseKey done = *started.begin();
            started.erase(started.begin());
            session.on_finished(done, JobSuccess{}, now_);
          }
          break;
        case 6:
          session.on_message(protocol::ReportAck{some}, now_);
          break;
        case 7:
          session.on_message(protocol::Revoke{{some}}, now_);
          break;
        case 8:
          if (random.below(200) == 0) {
            session.drain(now_);
          }
          break;
        default:
          session.on_tick({}, now_);
          break;
      }
      for (const LeaseKey& key : std::exchange(outbox.started, {})) {
        EXPECT_TRUE(started.insert(key).second) << "started twice";
      }
      EXPECT_LE(started.size(), 2U);
      EXPECT_EQ(session.running(), started.size());
    }
  }
}

}  // namespace
}  // namespace athanor::worker
