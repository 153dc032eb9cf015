#include "coordinator/journal/journal.hpp"

#include "coordinator/core/invariants.hpp"
#include "coordinator/core/reactor.hpp"
#include "coordinator/core/restore.hpp"
#include "coordinator/journal/schema.hpp"
#include "coordinator/queue/packed.hpp"
#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"
#include "tests/unit/coordinator_core/reactor_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

namespace athanor::coordinator {
namespace {

using namespace std::chrono_literals;

class JournalTest : public ReactorTest {
 protected:
  JournalTest()
      : directory(*TempDir::create("journal")),
        path(directory.path() / "journal.sqlite") {}

  std::unique_ptr<Journal> open() {
    auto opened = Journal::open(path, clock);
    EXPECT_TRUE(opened.ok()) << opened.error().to_string();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  void commit(Journal& journal) {
    const auto written = journal.commit(outbox.records);
    EXPECT_TRUE(written.ok()) << written.error().to_string();
    outbox.records.clear();
  }
  // As after kill -9: another process opens what is on the disk.
  std::vector<JournaledBatch> restart(std::unique_ptr<Journal>& journal) {
    journal.reset();
    journal = open();
    outbox = {};
    begin_epoch(journal->epoch());
    Restorer restorer(*reactor);
    auto batches = journal->restore(restorer);
    EXPECT_TRUE(batches.ok()) << batches.error().to_string();
    restorer.finish(now);
    check();
    return *batches;
  }
  void sql(const std::string& text) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }

  SystemClock clock;
  TempDir directory;
  std::filesystem::path path;
};

TEST_F(JournalTest, EverythingCommittedIsThereAfterARestart) {
  auto journal = open();
  begin_epoch(journal->epoch());
  const Submitted submitted =
      submit({spec("done"), spec("failed"), spec("ready"), spec("waiting")});
  hello(a, "host/1", 4);
  settle();
  auto grant = take<protocol::Grant>(a);
  for (const protocol::GrantedJob& job : grant.jobs) {
    if (job.lease.job == submitted.jobs[0]) {
      report_success(a, job.lease);
    } else if (job.lease.job == submitted.jobs[1]) {
      report_failure(a, job.lease, ErrorKind::not_found);
    } else if (job.lease.job == submitted.jobs[2]) {
      reactor->on_release(now, a, {.session = sessions[a], .leases = {job.lease}});
    } else {
      report_failure(a, job.lease, ErrorKind::retry);
    }
  }
  commit(*journal);
  const std::uint64_t first_epoch = journal->epoch();

  const auto batches = restart(journal);
  EXPECT_GT(journal->epoch(), first_epoch);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_FALSE(batches[0].finished);
  EXPECT_EQ(state(submitted.jobs[0]), JobState::done);
  EXPECT_EQ(state(submitted.jobs[1]), JobState::failed);
  EXPECT_EQ(state(submitted.jobs[2]), JobState::ready);
  EXPECT_EQ(state(submitted.jobs[3]), JobState::ready) << "the restart was backoff enough";
  EXPECT_EQ(reactor->core().jobs.at(submitted.jobs[3]).failures, 1);
  EXPECT_EQ(reactor->core().stories.at(submitted.jobs[1]).failure.message, "it broke");

  hello(b, "host/2", 4);
  settle();
  grant = take<protocol::Grant>(b);
  ASSERT_EQ(grant.jobs.size(), 2U);
  EXPECT_EQ(grant.jobs[0].lease.attempt, 2U);
  for (const protocol::GrantedJob& job : grant.jobs) {
    report_success(b, job.lease);
  }
  EXPECT_EQ(events<EnvironmentFailed>().size(), 1U);
  EXPECT_TRUE(reactor->is_idle());
}

TEST_F(JournalTest, AWorkerKeepsItsJobOverARestartOfTheCoordinator) {
  auto journal = open();
  begin_epoch(journal->epoch());
  submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  commit(*journal);
  restart(journal);
  hello(b, "host/2", 1);
  settle();
  EXPECT_TRUE(nothing_sent(b)) << "its worker may come back";
  EXPECT_EQ(hello(c, "host/1", 1, {lease}).adopted, std::vector{lease});
  report_success(c, lease);
  EXPECT_EQ(outbox.publishing.size(), 1U);
}

TEST_F(JournalTest, AJobWhoseWorkerDoesNotComeBackIsGrantedAnew) {
  auto journal = open();
  begin_epoch(journal->epoch());
  submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  commit(*journal);
  restart(journal);
  now += limits::k_lease_duration;
  reactor->on_tick(now);
  hello(b, "host/2", 1);
  settle();
  EXPECT_EQ(take<protocol::Grant>(b).jobs.at(0).lease.attempt, lease.attempt + 1);
  EXPECT_TRUE(hello(c, "host/1", 1, {lease}).adopted.empty());
}

TEST_F(JournalTest, AnEnvironmentThatWasBeingPublishedIsPublishedAgain) {
  auto journal = open();
  begin_epoch(journal->epoch());
  submit({});
  commit(*journal);
  restart(journal);
  EXPECT_EQ(outbox.publishing.size(), 1U);
  reactor->on_environment_published(now, EnvironmentId{1}, std::vector<std::string>{"envs/x"});
  commit(*journal);
  EXPECT_TRUE(restart(journal).at(0).finished);
  EXPECT_TRUE(outbox.publishing.empty());
  EXPECT_TRUE(reactor->is_idle());
}

TEST_F(JournalTest, WhatIsForgottenIsGone) {
  auto journal = open();
  begin_epoch(journal->epoch());
  const Submitted submitted = submit({spec("zlib")});
  reactor->on_cancel_batch(now, submitted.batch);
  reactor->on_forget_batch(now, submitted.batch);
  commit(*journal);
  EXPECT_TRUE(restart(journal).empty());
  EXPECT_EQ(reactor->core().jobs.size(), 0U);
}

TEST_F(JournalTest, CredentialsAreNeverWritten) {
  auto journal = open();
  begin_epoch(journal->epoch());
  JobSpec secret = spec("zlib");
  secret.fetch_url = "https://user:hunter2@conda.test/t/tk-4711/zlib-1-0.tar.bz2";
  submit({secret});
  commit(*journal);
  ASSERT_TRUE(journal->checkpoint().ok());
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    const auto bytes = read_file(entry.path(), 1U << 24U);
    ASSERT_TRUE(bytes.ok());
    EXPECT_EQ(bytes->find("hunter2"), std::string::npos) << entry.path();
    EXPECT_EQ(bytes->find("tk-4711"), std::string::npos) << entry.path();
  }
  restart(journal);
  hello(a, "host/1", 1);
  settle();
  EXPECT_EQ(take<protocol::Grant>(a).jobs.at(0).spec.fetch_url, secret.source_url);
}

TEST_F(JournalTest, OnlyItsOwnerMayReadIt) {
  auto journal = open();
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(JournalTest, ASecondCoordinatorIsKeptOut) {
  auto journal = open();
  const auto second = Journal::open(path, clock);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::rejected);
  EXPECT_THAT(second.error().message, testing::HasSubstr("another coordinator"));
}

TEST_F(JournalTest, ANewerJournalIsRefusedWithWords) {
  open();
  sql("PRAGMA user_version = 99");
  const auto newer = Journal::open(path, clock);
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().kind, ErrorKind::unsupported);
  EXPECT_THAT(newer.error().message, testing::HasSubstr("99"));
}

// As a program of that time left it: a batch with a job that failed once.
TEST_F(JournalTest, AJournalOfFormat1IsTakenOver) {
  sqlite3* old = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &old), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(old, k_schema_steps[0], nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_stmt* insert = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(old, "INSERT INTO jobs VALUES (1, ?1)", -1, &insert, nullptr),
            SQLITE_OK);
  const std::string packed = pack_spec(spec("zlib"), FetchUrl::drop);
  sqlite3_bind_blob(insert, 1, packed.data(), static_cast<int>(packed.size()), SQLITE_TRANSIENT);
  ASSERT_EQ(sqlite3_step(insert), SQLITE_DONE);
  sqlite3_finalize(insert);
  ASSERT_EQ(sqlite3_exec(old,
                         "INSERT INTO meta VALUES ('epoch', 5);"
                         "INSERT INTO batches VALUES (1, 'old', 0, x'', 0);"
                         "INSERT INTO environments VALUES (1, 1, 0, 1, 0, x'0102', 0, NULL, NULL);"
                         "INSERT INTO states VALUES (1, 0, 5, 1, 1, 0);"
                         "INSERT INTO stories VALUES (1, x'', x'00');",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(old);

  auto journal = open();
  ASSERT_NE(journal, nullptr);
  EXPECT_GT(journal->epoch(), 5U);
  const auto batches = restart(journal);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].name, "old");
  EXPECT_TRUE(batches[0].extensions.empty());
  EXPECT_TRUE(reactor->core().stories.at(JobId{1}).attempts.empty());
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  EXPECT_EQ(lease.attempt, 2U);
  report_failure(a, lease, ErrorKind::not_found);
  commit(*journal);
  restart(journal);
  EXPECT_EQ(reactor->core().stories.at(JobId{1}).attempts.size(), 1U);
}

TEST_F(JournalTest, AttemptsAndTheirTimesSurviveARestart) {
  auto journal = open();
  begin_epoch(journal->epoch());
  now = clock.now();
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  const LeaseKey lease = take<protocol::Grant>(a).jobs.at(0).lease;
  report_failure(a, lease, ErrorKind::not_found);
  commit(*journal);
  restart(journal);
  const JobStory& story = reactor->core().stories.at(submitted.jobs[0]);
  ASSERT_EQ(story.attempts.size(), 1U);
  const Attempt& attempt = story.attempts[0];
  EXPECT_EQ(attempt.worker, "host/1");
  EXPECT_EQ(attempt.end, AttemptEnd::failed);
  EXPECT_EQ(attempt.kind, ErrorKind::not_found);
  EXPECT_EQ(attempt.origin, "conda.test");
  EXPECT_LT(std::chrono::abs(clock.now() - attempt.ended), 60s) << "not hours away";
}

TEST_F(JournalTest, ABatchThatHasGrownIsAsLargeAfterARestart) {
  auto journal = open();
  begin_epoch(journal->epoch());
  const Submitted solve = submit({});
  Submission more;
  more.document = "the solution";
  more.jobs = {spec("x")};
  more.environments.push_back({.jobs = {0}, .conflicts = 0, .publish = true});
  ASSERT_TRUE(reactor->on_extend(now, solve.batch, std::move(more)).has_value());
  reactor->on_environment_published(now, EnvironmentId{1}, std::vector<std::string>{});
  commit(*journal);
  const auto batches = restart(journal);
  ASSERT_EQ(batches.size(), 1U);
  ASSERT_EQ(batches[0].extensions.size(), 1U);
  EXPECT_EQ(batches[0].extensions[0].document, "the solution");
  EXPECT_EQ(batches[0].extensions[0].first_environment, 1U);
  EXPECT_EQ(reactor->core().batches.at(solve.batch).environments.size(), 2U);
  EXPECT_EQ(reactor->core().jobs.count(JobState::ready), 1U);
}

TEST_F(JournalTest, ABatchThatIsTriedAgainIsOpenAfterARestart) {
  auto journal = open();
  begin_epoch(journal->epoch());
  const Submitted submitted = submit({spec("zlib")});
  hello(a, "host/1", 1);
  settle();
  report_failure(a, take<protocol::Grant>(a).jobs.at(0).lease, ErrorKind::not_found);
  commit(*journal);
  reactor->on_retry_batch(now, submitted.batch);
  commit(*journal);
  const auto batches = restart(journal);
  EXPECT_FALSE(batches.at(0).finished);
  EXPECT_EQ(state(submitted.jobs[0]), JobState::ready);
  EXPECT_FALSE(reactor->is_idle());
}

TEST_F(JournalTest, NumbersOfWhatWasForgottenAreNotGivenAgain) {
  auto journal = open();
  begin_epoch(journal->epoch());
  const Submitted first = submit({spec("zlib")});
  reactor->on_cancel_batch(now, first.batch);
  reactor->on_forget_batch(now, first.batch);
  commit(*journal);
  restart(journal);
  const Submitted second = submit({spec("zlib")});
  EXPECT_GT(second.batch, first.batch);
  EXPECT_GT(second.jobs[0], first.jobs[0]);
}

TEST_F(JournalTest, AFileThatIsNoJournalIsCalledCorrupt) {
  ASSERT_TRUE(write_file(path, std::string(8192, 'x')).ok());
  const auto opened = Journal::open(path, clock);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, ErrorKind::corrupt);
}

TEST_F(JournalTest, ADamagedRowIsNamed) {
  auto journal = open();
  begin_epoch(journal->epoch());
  submit({spec("zlib")});
  commit(*journal);
  journal.reset();
  sql("UPDATE jobs SET spec = x'ff'");
  journal = open();
  begin_epoch(journal->epoch());
  Restorer restorer(*reactor);
  const auto batches = journal->restore(restorer);
  ASSERT_FALSE(batches.ok());
  EXPECT_EQ(batches.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(batches.error().message, testing::HasSubstr("job 1"));
  begin_epoch(1);
}

TEST_F(JournalTest, AfterAFailedCommitNothingMoreIsTaken) {
  auto journal = open();
  begin_epoch(journal->epoch());
  submit({spec("zlib")});
  std::vector<Record> twice = outbox.records;
  twice.insert(twice.end(), outbox.records.begin(), outbox.records.end());
  EXPECT_FALSE(journal->commit(twice).ok()) << "a batch can't begin twice";
  EXPECT_FALSE(journal->commit(outbox.records).ok());
  EXPECT_TRUE(restart(journal).empty()) << "none of the turn's records may be there";
}

}  // namespace
}  // namespace athanor::coordinator
