#include "coordinator/core/explain.hpp"
#include "tests/unit/coordinator_core/reactor_fixture.hpp"

#include <gmock/gmock.h>

namespace athanor::coordinator {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class RetryTest : public ReactorTest {
 protected:
  LeaseKey granted(PeerId peer) {
    settle();
    return take<protocol::Grant>(peer).jobs.at(0).lease;
  }
  // The only job of a batch that has failed for good.
  Submitted failed_batch(const std::string& name) {
    const Submitted submitted = submit({spec(name)});
    report_failure(a, granted(a), ErrorKind::not_found);
    EXPECT_EQ(state(submitted.jobs[0]), JobState::failed);
    return submitted;
  }
};

TEST_F(RetryTest, AFailedBatchIsDoneOnceItsJobsAreReleased) {
  hello(a, "host/1", 1);
  const Submitted submitted = failed_batch("zlib");
  ASSERT_TRUE(reactor->is_idle());
  const Released released = reactor->on_retry_batch(now, submitted.batch);
  check();
  EXPECT_EQ(released.jobs, 1U);
  EXPECT_EQ(released.environments, 1U);
  EXPECT_FALSE(reactor->is_idle());
  EXPECT_EQ(reactor->core().jobs.at(submitted.jobs[0]).failures, 0);
  report_success(a, granted(a));
  EXPECT_THAT(outbox.publishing, ElementsAre(EnvironmentId{1}));
  reactor->on_environment_published(now, EnvironmentId{1}, std::vector<std::string>{"envs/x"});
  check();
  EXPECT_EQ(events<EnvironmentReady>().size(), 1U);
  EXPECT_EQ(events<BatchFinished>().size(), 2U);
  EXPECT_EQ(reactor->totals().environments_ready, 1U);
  EXPECT_EQ(reactor->totals().environments_failed, 0U);
}

TEST_F(RetryTest, ReleasingOneJobMovesEveryBatchThatItMadeFail) {
  hello(a, "host/1", 1);
  const Submitted first = submit({spec("zlib")});
  const LeaseKey lease = granted(a);
  const Submitted second = submit({spec("zlib")});
  report_failure(a, lease, ErrorKind::not_found);
  ASSERT_TRUE(reactor->is_idle());
  EXPECT_EQ(reactor->on_retry_job(now, first.jobs[0]).environments, 2U);
  check();
  EXPECT_EQ(events<BatchReleased>().size(), 2U);
  report_success(a, granted(a));
  EXPECT_EQ(outbox.publishing.size(), 2U);
  EXPECT_NE(first.batch, second.batch);
}

TEST_F(RetryTest, AnOpenEnvironmentWaitsForItsReleasedJobToo) {
  hello(a, "host/1", 1);
  const Submitted submitted = submit({spec("a", 2), spec("b", 1)});
  report_failure(a, granted(a), ErrorKind::not_found);
  EXPECT_EQ(reactor->on_retry_batch(now, submitted.batch).jobs, 1U);
  check();
  report_success(a, granted(a));
  EXPECT_THAT(outbox.publishing, IsEmpty());
  report_success(a, granted(a));
  EXPECT_THAT(outbox.publishing, ElementsAre(EnvironmentId{1}));
}

TEST_F(RetryTest, WhatKilledWorkersIsReleasedWithACleanSlate) {
  const Submitted submitted = submit({spec("poison")});
  for (int death = 1; state(submitted.jobs[0]) != JobState::quarantined; ++death) {
    ASSERT_LE(death, 4);
    hello(a, "host/" + std::to_string(death), 1);
    granted(a);
    reactor->on_process_ended(now, "host/" + std::to_string(death), "was ended by signal 9");
    check();
  }
  EXPECT_EQ(reactor->on_retry_job(now, submitted.jobs[0]).jobs, 1U);
  check();
  EXPECT_EQ(reactor->core().jobs.at(submitted.jobs[0]).crashes, 0);
  EXPECT_THAT(reactor->core().stories.at(submitted.jobs[0]).killed, IsEmpty());
  EXPECT_EQ(reactor->core().stories.at(submitted.jobs[0]).attempts.size(), 4U)
      << "what happened is not forgotten";
  hello(a, "host/9", 1);
  report_success(a, granted(a));
  EXPECT_EQ(outbox.publishing.size(), 1U);
}

TEST_F(RetryTest, ADescriptionThatCouldNotBePublishedIsPublishedAgain) {
  const Submitted submitted = submit({});
  reactor->on_environment_published(now, EnvironmentId{1},
                                    make_error(ErrorKind::rejected, "no rights"));
  ASSERT_TRUE(reactor->is_idle());
  const Released released = reactor->on_retry_batch(now, submitted.batch);
  check();
  EXPECT_EQ(released.jobs, 0U);
  EXPECT_EQ(released.environments, 1U);
  EXPECT_EQ(outbox.publishing.size(), 2U);
}

TEST_F(RetryTest, WhatIsDoneOrCanceledStaysAsItIs) {
  const Submitted canceled = submit({spec("a")});
  reactor->on_cancel_batch(now, canceled.batch);
  EXPECT_EQ(reactor->on_retry_batch(now, canceled.batch).jobs, 0U);
  EXPECT_EQ(reactor->on_retry_job(now, canceled.jobs[0]).jobs, 0U) << "nobody wants it any more";
  EXPECT_EQ(reactor->on_retry_batch(now, BatchId{99}).environments, 0U);
  check();
  EXPECT_TRUE(reactor->is_idle());
}

TEST_F(RetryTest, AJobThatSomebodyElseAskedForAgainIsJoined) {
  hello(a, "host/1", 1);
  const Submitted first = failed_batch("zlib");
  submit({spec("zlib")});
  const LeaseKey lease = granted(a);
  const Released released = reactor->on_retry_batch(now, first.batch);
  check();
  EXPECT_EQ(released.jobs, 0U);
  EXPECT_EQ(released.environments, 1U);
  report_success(a, lease);
  EXPECT_EQ(outbox.publishing.size(), 2U);
}

TEST_F(RetryTest, WhatFailedAndRunsAgainForSomebodyElseIsWaitedForAfterAnotherRetry) {
  hello(a, "host/1", 1);
  const Submitted first = submit({spec("a", 3), spec("b", 2), spec("c", 1)});
  report_failure(a, granted(a), ErrorKind::not_found);
  report_failure(a, granted(a), ErrorKind::not_found);
  submit({spec("a", 3)});  // asked for again by another batch
  reactor->on_retry_job(now, first.jobs[1]);
  check();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(outbox.publishing.empty() || outbox.publishing[0] != EnvironmentId{1});
    report_success(a, granted(a));
  }
  report_success(a, granted(a));
  EXPECT_EQ(outbox.publishing.size(), 2U);
}

TEST_F(RetryTest, ADrainThatWasLostIsSaidAgain) {
  hello(a, "host/1", 1);
  reactor->on_drain_worker(now, WorkerId{1});
  drop_messages();
  renew(a, {});
  take<protocol::Pulse>(a);
  take<protocol::Drain>(a);
}

TEST_F(RetryTest, ASolvesResultBecomesJobsOfTheSameBatch) {
  const Submitted solve = submit({spec("solve")});
  hello(a, "host/1", 2);
  report_success(a, granted(a));
  ASSERT_THAT(outbox.publishing, ElementsAre(EnvironmentId{1}));
  Submission more;
  more.jobs = {spec("x"), spec("y")};
  more.environments.push_back({.jobs = {0, 1}, .conflicts = 0, .publish = true});
  const auto extended = reactor->on_extend(now, solve.batch, std::move(more));
  ASSERT_TRUE(extended.has_value());
  EXPECT_EQ(extended->first_environment, 1U);
  reactor->on_environment_published(now, EnvironmentId{1}, std::vector<std::string>{});
  check();
  EXPECT_FALSE(reactor->is_idle());
  settle();
  for (const protocol::GrantedJob& job : take<protocol::Grant>(a).jobs) {
    report_success(a, job.lease);
  }
  ASSERT_THAT(outbox.publishing, ElementsAre(EnvironmentId{1}, EnvironmentId{2}));
  reactor->on_environment_published(now, EnvironmentId{2}, std::vector<std::string>{"envs/x"});
  EXPECT_EQ(events<EnvironmentReady>().at(1).environment, 1U);
  EXPECT_TRUE(reactor->is_idle());
  EXPECT_FALSE(reactor->on_extend(now, solve.batch, {}).has_value()) << "it is finished";
}

TEST_F(RetryTest, ADrainingWorkerLeavesWhenItHoldsNothingAndMayBeHadBackBefore) {
  submit({spec("a", 3), spec("b", 2), spec("c", 1)});
  hello(a, "host/1", 1);
  const LeaseKey first = granted(a);
  EXPECT_TRUE(reactor->on_drain_worker(now, WorkerId{1}));
  EXPECT_THAT(take<protocol::Retract>(a).leases, ElementsAre(first));
  EXPECT_TRUE(reactor->on_resume_worker(now, WorkerId{1}));
  report_success(a, first);
  const LeaseKey second = granted(a);
  EXPECT_TRUE(reactor->on_drain_worker(now, WorkerId{1}));
  take<protocol::Retract>(a);
  reactor->on_report(now, a, {.session = sessions[a], .lease = second, .outcome = whole_success()});
  settle();
  take<protocol::ReportAck>(a);
  take<protocol::Drain>(a);
  EXPECT_FALSE(reactor->on_resume_worker(now, WorkerId{1})) << "it has been told to leave";
  EXPECT_FALSE(reactor->on_drain_worker(now, WorkerId{7}));
}

TEST_F(RetryTest, AWorkerThatReconnectsWhileItDrainsGoesOnDraining) {
  submit({spec("a", 2), spec("b", 1)});
  hello(a, "host/1", 1);
  const LeaseKey lease = granted(a);
  reactor->on_drain_worker(now, WorkerId{1});
  take<protocol::Retract>(a);
  hello(b, "host/1", 1, {lease});
  take<protocol::Retract>(b);
  settle();
  EXPECT_TRUE(nothing_sent(b));
  EXPECT_EQ(reactor->core().workers.find(WorkerId{2})->state, WorkerState::draining);
}

TEST_F(RetryTest, EveryAttemptIsToldWithItsWorkerAndItsTime) {
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  const LeaseKey first = granted(a);
  now += 3s;
  report_failure(a, first, ErrorKind::retry);
  auto told = explain_job(reactor->core(), submitted.jobs[0], now);
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->why.kind, WaitKind::backoff);
  EXPECT_GE(told->why.until, now);
  ASSERT_EQ(told->history.size(), 1U);
  EXPECT_EQ(told->history[0].worker, "host/1");
  EXPECT_EQ(told->history[0].end, AttemptEnd::failed);
  EXPECT_EQ(told->history[0].message, "it broke");
  EXPECT_EQ(told->history[0].origin, "conda.test");
  EXPECT_EQ(told->history[0].ended - told->history[0].granted, 3s);
  ASSERT_EQ(told->waiters.size(), 1U);
  EXPECT_EQ(told->waiters[0].batch_name, "test");

  pass(2s);
  drop_messages();
  told = explain_job(reactor->core(), submitted.jobs[0], now);
  ASSERT_EQ(told->running.size(), 1U);
  EXPECT_EQ(told->running[0].number, 2U);
  report_success(a, {.epoch = 1, .job = submitted.jobs[0], .attempt = 2});
  told = explain_job(reactor->core(), submitted.jobs[0], now);
  EXPECT_EQ(told->history.back().end, AttemptEnd::succeeded);
  EXPECT_EQ(told->done_by, "host/1");
  EXPECT_EQ(told->why.kind, WaitKind::nothing);
}

TEST_F(RetryTest, AReadyJobSaysWhatItWaitsFor) {
  const JobId job = submit({spec("a", 1)}).jobs[0];
  const auto why = [&] { return why_waiting(reactor->core(), job, now).kind; };
  EXPECT_EQ(why(), WaitKind::no_worker);
  hello(a, "host/1", 1);
  EXPECT_EQ(why(), WaitKind::turn);
  submit({spec("b", 2)}, -1000);
  settle();
  drop_messages();
  EXPECT_EQ(why(), WaitKind::workers_full);
  reactor->on_drain(now);
  EXPECT_EQ(why(), WaitKind::coordinator_drains);
  drop_messages();
}

TEST_F(RetryTest, JobsAreFoundByTheirSource) {
  const JobId job = submit({spec("a")}).jobs[0];
  EXPECT_THAT(find_jobs(reactor->core(), spec("a").source_url), ElementsAre(job));
  EXPECT_THAT(find_jobs(reactor->core(), "https://conda.test/other"), IsEmpty());
}

TEST(JobStory, KeepsTheLastAttemptsAndCountsTheOthers) {
  JobStory story;
  for (std::uint32_t number = 1; number <= JobStory::k_attempts + 3; ++number) {
    Attempt attempt;
    attempt.number = number;
    attempt.message = std::string(JobStory::k_message_bytes - 1, 'x') + "\u00e4\u00e4";
    story.add(std::move(attempt));
  }
  EXPECT_EQ(story.attempts.size(), JobStory::k_attempts);
  EXPECT_EQ(story.attempts.front().number, 4U);
  EXPECT_EQ(story.forgotten_attempts, 3U);
  EXPECT_EQ(story.attempts.back().message, std::string(JobStory::k_message_bytes - 1, 'x'));
}

}  // namespace
}  // namespace athanor::coordinator
