#include "coordinator/journal/journal.hpp"

#include "coordinator/core/invariants.hpp"
#include "coordinator/core/reactor.hpp"
#include "coordinator/core/restore.hpp"
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
