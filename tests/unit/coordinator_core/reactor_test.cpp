#include "tests/unit/coordinator_core/reactor_fixture.hpp"

#include <gmock/gmock.h>

namespace athanor::coordinator {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(ReactorTest, AJobGoesFromSubmissionToAPublishedEnvironment) {
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 2);
  settle();
  const auto grant = take<protocol::Grant>(a);
  ASSERT_EQ(grant.jobs.size(), 1U);
  EXPECT_EQ(grant.jobs[0].spec, spec("zlib"));
  EXPECT_EQ(state(submitted.jobs[0]), JobState::leased);

  report_success(a, grant.jobs[0].lease);
  EXPECT_EQ(state(submitted.jobs[0]), JobState::done);
  ASSERT_THAT(outbox.publishing, ElementsAre(EnvironmentId{1}));
  EXPECT_FALSE(reactor->is_idle());

  reactor->on_environment_published(now, EnvironmentId{1}, std::vector<std::string>{"envs/x"});
  check();
  EXPECT_TRUE(reactor->is_idle());
  const auto ready = events<EnvironmentReady>();
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_THAT(ready[0].keys, ElementsAre("envs/x"));
  EXPECT_EQ(events<BatchFinished>().size(), 1U);
}

TEST_F(ReactorTest, NoWorkerHoldsMoreThanItAnnouncedAndFewJobsAreSpread) {
  submit({spec("a"), spec("b"), spec("c"), spec("d"), spec("e")});
  hello(a, "host/1", 2);
  hello(b, "host/2", 2);
  settle();
  EXPECT_EQ(take<protocol::Grant>(a).jobs.size(), 2U);
  EXPECT_EQ(take<protocol::Grant>(b).jobs.size(), 2U);
  EXPECT_EQ(reactor->core().jobs.count(JobState::ready), 1U);
}

TEST_F(ReactorTest, LargestJobsAreGrantedFirst) {
  submit({spec("unknown"), spec("small", 10), spec("large", 1000)});
  hello(a, "host/1", 3);
  settle();
  const auto grant = take<protocol::Grant>(a);
  ASSERT_EQ(grant.jobs.size(), 3U);
  EXPECT_EQ(grant.jobs[0].spec, spec("large", 1000));
  EXPECT_EQ(grant.jobs[1].spec, spec("small", 10));
}

TEST_F(ReactorTest, AJobThatTwoBatchesWantIsDoneOnceForBoth) {
  const Submitted first = submit({spec("zlib")});
  hello(a, "host/1", 4);
  settle();
  const auto grant = take<protocol::Grant>(a);
  const Submitted second = submit({spec("zlib")});
  EXPECT_EQ(first.jobs, second.jobs);
  EXPECT_EQ(events<BatchAccepted>()[1].joined_jobs, 1U);
  settle();
  EXPECT_TRUE(nothing_sent(a));
  report_success(a, grant.jobs[0].lease);
  EXPECT_THAT(outbox.publishing, ElementsAre(EnvironmentId{1}, EnvironmentId{2}));
}

TEST_F(ReactorTest, JoinedInputsThatDisagreeAboutBytesAreAllBelieved) {
  submit({spec("zlib", 10)});
  submit({spec("zlib", 20)});
  hello(a, "host/1", 1);
  settle();
  EXPECT_EQ(take<protocol::Grant>(a).jobs.at(0).spec.expected.size(), 2U);
}

TEST_F(ReactorTest, ADeadWorkersJobIsReadyAgainAtOnceWithANewAttempt) {
  submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey first = take<protocol::Grant>(a).jobs.at(0).lease;
  hello(b, "host/2", 1);
  reactor->on_process_ended(now, "host/1", "was ended by signal 9");
  settle();
  const LeaseKey second = take<protocol::Grant>(b).jobs.at(0).lease;
  EXPECT_EQ(second.job, first.job);
  EXPECT_EQ(second.attempt, first.attempt + 1);
  EXPECT_EQ(events<WorkerGone>().at(0).held_jobs, 1U);
}

TEST_F(ReactorTest, AWorkerProcessThatLeftByItselfIsNotLostAndItsJobsAreUnharmed) {
  const Submitted submitted = submit({spec("zlib")});
  const std::uint64_t session = hello(a, "host/1", 1).session;
  settle();
  take<protocol::Grant>(a);
  reactor->on_process_left(now, "host/1");
  ASSERT_EQ(events<WorkerGone>().size(), 1U);
  EXPECT_EQ(events<WorkerGone>().at(0).end, WorkerEnd::left);
  EXPECT_EQ(reactor->core().jobs.at(submitted.jobs[0]).crashes, 0U);
  EXPECT_EQ(reactor->core().jobs.at(submitted.jobs[0]).state, JobState::ready);
  // Its goodbye arrives after its end was seen.
  reactor->on_goodbye(now, a, {.session = session});
  EXPECT_EQ(events<WorkerGone>().size(), 1U);
}

TEST_F(ReactorTest, AReportFromAFencedAttemptIsAcknowledgedAndChangesNothing) {
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey fenced = take<protocol::Grant>(a).jobs.at(0).lease;
  pass(4s);
  pass(4s);               // its heartbeats are lost
  hello(a, "host/1", 1);  // it comes back without naming the lease as adopted
  drop_messages();
  settle();
  drop_messages();
  report_success(a, fenced);
  EXPECT_EQ(state(submitted.jobs[0]), JobState::leased);
  EXPECT_THAT(outbox.publishing, IsEmpty());
}

TEST_F(ReactorTest, ARepeatedReportCountsOnce) {
  submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  report_success(a, lease);
  report_success(a, lease);
  EXPECT_EQ(events<JobFinished>().size(), 1U);
  EXPECT_EQ(reactor->totals().fetched_bytes, 100U);
}

TEST_F(ReactorTest, SuccessWithoutEveryWantedFormatIsAFailure) {
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  JobSuccess half = whole_success();
  half.formats.pop_back();
  report_success(a, lease, half);
  EXPECT_EQ(state(submitted.jobs[0]), JobState::waiting);
}

TEST_F(ReactorTest, AFailureThatMayPassIsTriedAgainUpToTheLimit) {
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  for (std::uint32_t attempt = 1; attempt <= limits::k_job_attempts; ++attempt) {
    settle();
    const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
    EXPECT_EQ(lease.attempt, attempt);
    report_failure(a, lease, ErrorKind::retry);
    now += 5s;
    renew(a, {});
    take<protocol::Pulse>(a);
    pass(5s);
    if (attempt < limits::k_job_attempts) {
      continue;
    }
  }
  EXPECT_EQ(state(submitted.jobs[0]), JobState::failed);
  EXPECT_EQ(events<JobRetrying>().size(), limits::k_job_attempts - 1);
  const auto failed = events<EnvironmentFailed>();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].failed_packages, 1U);
  EXPECT_THAT(failed[0].error.message, testing::HasSubstr("it broke"));
  EXPECT_TRUE(reactor->is_idle());
}

struct FinalKind {
  const char* name;
  ErrorKind kind;
};
class FinalFailure : public ReactorTest, public testing::WithParamInterface<FinalKind> {};
TEST_P(FinalFailure, IsNotTriedAgainAndEverythingElseFinishes) {
  const Submitted submitted = submit({spec("bad", 2), spec("good", 1)});
  hello(a, "host/1", 2);
  settle();
  const auto grant = take<protocol::Grant>(a);
  report_failure(a, grant.jobs.at(0).lease, GetParam().kind);
  EXPECT_EQ(state(submitted.jobs[0]), JobState::failed);
  EXPECT_THAT(events<EnvironmentFailed>(), IsEmpty());
  report_success(a, grant.jobs.at(1).lease);
  EXPECT_EQ(events<EnvironmentFailed>().size(), 1U);
  EXPECT_THAT(outbox.publishing, IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Kinds, FinalFailure,
                         testing::Values(FinalKind{"not_found", ErrorKind::not_found},
                                         FinalKind{"corrupt", ErrorKind::corrupt},
                                         FinalKind{"rejected", ErrorKind::rejected},
                                         FinalKind{"unsupported", ErrorKind::unsupported},
                                         FinalKind{"invalid", ErrorKind::invalid}),
                         [](const auto& param_info) { return param_info.param.name; });

TEST_F(ReactorTest, AReleasedJobIsGrantedAgainUnharmed) {
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  reactor->on_message(now, a, protocol::Release{.session = sessions[a], .leases = {lease}});
  settle();
  EXPECT_EQ(take<protocol::Grant>(a).jobs.at(0).lease.attempt, 2U);
  EXPECT_EQ(reactor->core().jobs.at(submitted.jobs[0]).crashes, 0);
}

TEST_F(ReactorTest, OnlyNamedLeasesAreRenewed) {
  submit({spec("a", 2), spec("b", 1)});
  hello(a, "host/1", 2);
  settle();
  const auto grant = take<protocol::Grant>(a);
  for (int beat = 1; beat <= 4; ++beat) {
    now += 2s;
    renew(a, {grant.jobs.at(0).lease}, static_cast<std::uint64_t>(beat));
    take<protocol::Pulse>(a);
    reactor->on_tick(now);
  }
  EXPECT_EQ(take<protocol::Revoke>(a).leases, std::vector{grant.jobs.at(1).lease});
  EXPECT_NE(reactor->core().leases.find(grant.jobs.at(0).lease), nullptr);
  settle();
  EXPECT_EQ(take<protocol::Grant>(a).jobs.at(0).lease.attempt, 2U);
}

TEST_F(ReactorTest, AJobWithoutProgressIsTakenBackAlthoughTheHeartbeatGoesOn) {
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  const TimePoint end = now + limits::k_progress_timeout + 4s;
  while (now < end && state(submitted.jobs[0]) == JobState::leased) {
    now += 2s;
    renew(a, {lease}, 1);
    take<protocol::Pulse>(a);
    reactor->on_tick(now);
  }
  EXPECT_EQ(take<protocol::Revoke>(a).leases, std::vector{lease});
  EXPECT_EQ(state(submitted.jobs[0]), JobState::waiting);
  EXPECT_THAT(events<JobRetrying>().at(0).failure.message, testing::HasSubstr("no progress"));
}

TEST_F(ReactorTest, ALeaseThatIsNotTheWorkersIsRevoked) {
  hello(a, "host/1", 1);
  const LeaseKey alien{.epoch = 1, .job = JobId{9}, .attempt = 3};
  renew(a, {alien});
  EXPECT_EQ(take<protocol::Revoke>(a).leases, std::vector{alien});
  take<protocol::Pulse>(a);
}

TEST_F(ReactorTest, AFrozenWorkersJobIsLeasedAgainWithinTenSeconds) {
  submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  take<protocol::Grant>(a);
  hello(b, "host/2", 1);
  for (auto time = 0s; time < 10s; time += 2s) {
    now += 2s;
    renew(b, {});
    take<protocol::Pulse>(b);
    reactor->on_tick(now);
    reactor->dispatch(now);
    if (!nothing_sent(b)) {
      break;
    }
  }
  EXPECT_EQ(take<protocol::Grant>(b).jobs.at(0).lease.attempt, 2U);
  drop_messages();
}

TEST_F(ReactorTest, AConnectionThatComesBackSoonKeepsItsWork) {
  submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  reactor->on_disconnected(now, a);
  pass(100ms);
  EXPECT_THAT(hello(b, "host/1", 1, {lease}).adopted, ElementsAre(lease));
  pass(1s);
  report_success(b, lease);
  EXPECT_EQ(events<JobFinished>().size(), 1U);
}

TEST_F(ReactorTest, ABrokenConnectionThatStaysAwayIsLostWithinASecond) {
  submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  take<protocol::Grant>(a);
  hello(b, "host/2", 1);
  reactor->on_disconnected(now, a);
  pass(limits::k_reconnect_grace);
  EXPECT_EQ(take<protocol::Grant>(b).jobs.at(0).lease.attempt, 2U);
}

TEST_F(ReactorTest, NobodyTakesALeaseAlongUnderAnotherName) {
  submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  EXPECT_THAT(hello(b, "thief/1", 1, {lease}).adopted, IsEmpty());
  report_success(a, lease);
}

TEST_F(ReactorTest, MessagesOfAnotherSessionAreIgnored) {
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  reactor->on_message(
      now, b, protocol::Report{.session = sessions[a], .lease = lease, .outcome = whole_success()});
  reactor->on_message(
      now, a, protocol::Report{.session = 4711, .lease = lease, .outcome = whole_success()});
  reactor->on_message(now, b, protocol::Goodbye{.session = sessions[a]});
  EXPECT_EQ(state(submitted.jobs[0]), JobState::leased);
  EXPECT_TRUE(nothing_sent(b));
}

TEST_F(ReactorTest, AWorkerOfAnotherProtocolIsRefusedWithWords) {
  reactor->on_message(now, a,
                      protocol::Hello{.protocol_min = 200,
                                      .protocol_max = 201,
                                      .name = "new/1",
                                      .version = "9.0",
                                      .features = {},
                                      .capacity = {.jobs = 1, .cpu = 1},
                                      .running = {}});
  EXPECT_THAT(take<protocol::Reject>(a).reason, testing::HasSubstr("200"));
  EXPECT_THAT(outbox.closed, ElementsAre(a));
}

TEST_F(ReactorTest, APeerThatSpeaksACoordinatorsWordsIsCutOff) {
  submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  take<protocol::Grant>(a);
  reactor->on_message(now, a, protocol::Drain{});
  take<protocol::Reject>(a);
  EXPECT_THAT(outbox.closed, ElementsAre(a));
  EXPECT_EQ(reactor->core().workers.size(), 0U);
}

TEST_F(ReactorTest, AJobThatKillsWorkersRunsAloneAndIsThenQuarantined) {
  const Submitted submitted = submit({spec("poison", 100), spec("innocent", 50)});
  for (std::uint64_t death = 1; death <= limits::k_crashes_until_quarantine; ++death) {
    const PeerId peer{200 + death};
    hello(peer, "host/" + std::to_string(death), 2);
    settle();
    const auto grant = take<protocol::Grant>(peer);
    if (death <= limits::k_crashes_until_alone) {
      EXPECT_EQ(grant.jobs.size(), 2U) << "both are innocent so far";
    } else {
      ASSERT_EQ(grant.jobs.size(), 1U) << "a suspect runs alone";
      if (grant.jobs[0].lease.job == submitted.jobs[1]) {
        report_success(peer, grant.jobs[0].lease);
        settle();
        take<protocol::Grant>(peer);
      }
    }
    reactor->on_lost(now, peer, "died");
    check();
  }
  EXPECT_EQ(state(submitted.jobs[0]), JobState::quarantined);
  EXPECT_NE(state(submitted.jobs[1]), JobState::quarantined);
  const auto failed = events<JobFailed>();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].end, FailureEnd::quarantined);
  EXPECT_EQ(failed[0].killed.size(), limits::k_crashes_until_quarantine);

  const Submitted again = submit({spec("poison", 100)});
  EXPECT_EQ(state(again.jobs[0]), JobState::quarantined) << "asking again must not release it";
  EXPECT_EQ(events<EnvironmentFailed>().back().batch, again.batch);
}

TEST_F(ReactorTest, CancelingABatchLeavesOthersJobsAlone) {
  const Submitted first = submit({spec("shared"), spec("own")});
  const Submitted second = submit({spec("shared")});
  hello(a, "host/1", 4);
  settle();
  const auto grant = take<protocol::Grant>(a);
  ASSERT_EQ(grant.jobs.size(), 2U);
  reactor->on_cancel_batch(now, first.batch);
  check();
  EXPECT_EQ(take<protocol::Revoke>(a).leases.at(0).job, first.jobs[1]);
  EXPECT_EQ(state(first.jobs[1]), JobState::canceled);
  EXPECT_EQ(state(second.jobs[0]), JobState::leased);
  for (const protocol::GrantedJob& job : grant.jobs) {
    report_success(a, job.lease);
  }
  EXPECT_THAT(outbox.publishing, ElementsAre(EnvironmentId{2}));
  EXPECT_TRUE(events<BatchFinished>().at(0).canceled);
}

TEST_F(ReactorTest, AForgottenBatchTakesItsOwnJobsAlong) {
  const Submitted first = submit({spec("shared"), spec("own")});
  submit({spec("shared")});
  reactor->on_forget_batch(now, first.batch);
  EXPECT_NE(reactor->core().jobs.find(first.jobs[1]), nullptr) << "it isn't finished";
  reactor->on_cancel_batch(now, first.batch);
  reactor->on_forget_batch(now, first.batch);
  check();
  EXPECT_EQ(reactor->core().jobs.find(first.jobs[1]), nullptr);
  EXPECT_NE(reactor->core().jobs.find(first.jobs[0]), nullptr);
  const auto& forgotten = std::get<ForgetRecord>(outbox.records.back());
  EXPECT_THAT(forgotten.jobs, ElementsAre(first.jobs[1]));
}

TEST_F(ReactorTest, AnEnvironmentWithoutJobsIsPublishedAtOnce) {
  submit({});
  EXPECT_EQ(outbox.publishing.size(), 1U);
}

TEST_F(ReactorTest, ABatchIsDurableBeforeItIsPlannedAndOpenUntilItsPlanIsDone) {
  const BatchId batch = reactor->on_receive(now, "later", 0, "document");
  EXPECT_FALSE(reactor->is_idle());
  EXPECT_EQ(events<BatchReceived>().at(0).batch, batch);
  Submission submission;
  submission.jobs = {spec("x")};
  submission.environments = {{.jobs = {0}, .conflicts = 0, .publish = false}};
  const auto planned = reactor->on_plan(now, batch, submission);
  ASSERT_TRUE(planned.has_value());
  EXPECT_EQ(planned->batch, batch);
  EXPECT_EQ(events<BatchAccepted>().at(0).name, "later");
  EXPECT_FALSE(reactor->on_plan(now, batch, submission).has_value()) << "it is planned once";
  hello(a, "a", 1);
  reactor->dispatch(now);
  report_success(a, take<protocol::Grant>(a).jobs.at(0).lease);
  EXPECT_TRUE(reactor->is_idle());
}

TEST_F(ReactorTest, ABatchCanceledBeforeItIsPlannedIsOverAndItsPlanComesTooLate) {
  const BatchId batch = reactor->on_receive(now, "later", 0, "document");
  reactor->on_cancel_batch(now, batch);
  EXPECT_TRUE(events<BatchFinished>().at(0).canceled);
  EXPECT_TRUE(reactor->is_idle());
  EXPECT_FALSE(reactor->on_plan(now, batch, {}).has_value());
  check();
}

TEST_F(ReactorTest, APlanThatFailsFailsEveryEnvironmentWithItsReason) {
  const BatchId batch = reactor->on_receive(now, "later", 0, "document");
  reactor->on_plan_failed(now, batch, 2, make_error(ErrorKind::rejected, "no permission"));
  const auto failed = events<EnvironmentFailed>();
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[1].environment, 1U);
  EXPECT_EQ(failed[1].error.message, "no permission");
  EXPECT_EQ(events<BatchFinished>().size(), 1U);
  EXPECT_TRUE(reactor->is_idle());
  check();
}

TEST_F(ReactorTest, AConflictInTheStoreFailsTheEnvironmentButNotItsJobs) {
  Submission submission;
  submission.jobs = {spec("zlib")};
  submission.environments.push_back({.jobs = {0}, .conflicts = 1, .publish = true});
  const Submitted submitted = reactor->on_submit(now, std::move(submission));
  hello(a, "host/1", 1);
  settle();
  report_success(a, take<protocol::Grant>(a).jobs.at(0).lease);
  EXPECT_EQ(state(submitted.jobs[0]), JobState::done);
  EXPECT_EQ(events<EnvironmentFailed>().size(), 1U);
}

TEST_F(ReactorTest, PublishingThatMayPassIsTriedAgain) {
  submit({});
  outbox.publishing.clear();
  reactor->on_environment_published(now, EnvironmentId{1},
                                    make_error(ErrorKind::retry, "store is busy"));
  pass(2s);
  EXPECT_THAT(outbox.publishing, ElementsAre(EnvironmentId{1}));
  reactor->on_environment_published(now, EnvironmentId{1},
                                    make_error(ErrorKind::rejected, "no permission"));
  EXPECT_THAT(events<EnvironmentFailed>().at(0).error.message, "no permission");
}

TEST_F(ReactorTest, ADrainingCoordinatorGrantsNothingAndWaitsForWhatRuns) {
  submit({spec("a"), spec("b")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  reactor->on_drain(now);
  take<protocol::Drain>(a);
  EXPECT_FALSE(reactor->is_drained());
  report_success(a, lease);
  EXPECT_TRUE(reactor->is_drained());
  settle();
  hello(b, "host/2", 1);
  take<protocol::Drain>(b);
  settle();
}

TEST_F(ReactorTest, BatchesShareWorkersByTheirPriority) {
  std::vector<JobSpec> urgent;
  std::vector<JobSpec> nightly;
  for (int i = 0; i < 40; ++i) {
    urgent.push_back(spec("u" + std::to_string(i)));
    nightly.push_back(spec("n" + std::to_string(i)));
  }
  const Submitted night = submit(std::move(nightly), 100);
  const Submitted now_please = submit(std::move(urgent), 0);
  hello(a, "host/1", 30);
  settle();
  EXPECT_EQ(take<protocol::Grant>(a).jobs.size(), 30U);
  EXPECT_EQ(reactor->core().ready.executing(now_please.batch), 20U);
  EXPECT_EQ(reactor->core().ready.executing(night.batch), 10U);
}

TEST_F(ReactorTest, AsManyJobsTravelTogetherAsOneMessageMayHold) {
  std::vector<JobSpec> jobs;
  for (std::size_t i = 0; i < limits::k_grant_jobs + 1; ++i) {
    jobs.push_back(spec("p" + std::to_string(i)));
    // Of hosts of their own, so that no origin's limit plays a part.
    jobs.back().source_url = "https://host" + std::to_string(i) + ".test/p-1-0.tar.bz2";
    jobs.back().fetch_url = jobs.back().source_url;
  }
  submit(std::move(jobs));
  hello(a, "host/1", 200);
  settle();
  EXPECT_EQ(take<protocol::Grant>(a).jobs.size(), limits::k_grant_jobs);
  EXPECT_EQ(take<protocol::Grant>(a).jobs.size(), 1U);
}

}  // namespace
}  // namespace athanor::coordinator
