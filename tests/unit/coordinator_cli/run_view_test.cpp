#include "coordinator/cli/run_view.hpp"

#include "tests/support/manual_clock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const std::string k_numpy = "https://a/conda-forge/linux-64/numpy-2.0-py312_0.conda";
const std::string k_zlib = "https://a/conda-forge/linux-64/zlib-1.3-0.conda";

class RunViewTest : public testing::Test {
 protected:
  RunViewTest() {
    auto plan = std::make_shared<Plan>();
    plan->environments.resize(2);
    plan->environments[0].request.name = "etl";
    plan->environments[0].request.platform = "linux-64";
    plan->environments[1].request.name = "etl";
    plan->environments[1].request.platform = "osx-arm64";
    progress_.emplace(plan, clock_.now());
    terminal_.columns = 120;
    happens(BatchAccepted{.batch = BatchId{1},
                          .name = "run",
                          .new_jobs = 9,
                          .joined_jobs = 1,
                          .present = 30,
                          .conflicts = 2,
                          .environments = 2});
  }

  void happens(const RunEvent& event) { progress_->apply(event, clock_.now()); }
  void starts(std::uint64_t job, const std::string& url) {
    happens(JobStarted{.job = JobId{job}, .source_url = url, .worker = WorkerId{1}, .attempt = 1});
  }
  void fetches(std::uint64_t job, std::uint64_t bytes) {
    happens(JobProgressed{
        .job = JobId{job}, .worker = WorkerId{1}, .stage = Stage::fetch, .bytes = bytes});
  }
  void finishes(std::uint64_t job, const std::string& url, std::uint64_t bytes) {
    JobFinished finished{.job = JobId{job}, .source_url = url, .success = {}};
    finished.success.fetched_bytes = bytes;
    happens(finished);
  }
  JobFailed failure(std::uint64_t job, ErrorKind kind) {
    JobFailed failed;
    failed.job = JobId{job};
    failed.source_url = k_zlib;
    failed.failure.kind = kind;
    failed.failure.stage = Stage::verify;
    failed.failure.message = "expected md5 a, got b";
    failed.failure.hint = "Ask the channel's owner";
    return failed;
  }
  std::string view() {
    std::string text;
    for (const std::string& line : live_view(*progress_, terminal_, clock_.now())) {
      text += line + "\n";
    }
    return text;
  }
  std::optional<std::string> line(const RunEvent& event, Detail detail) {
    return event_line(event, *progress_, detail, terminal_);
  }

  test::ManualClock clock_;
  std::optional<RunProgress> progress_;
  cli::Terminal terminal_;
};

TEST_F(RunViewTest, TheBarMovesWithFinishedJobs) {
  EXPECT_THAT(view(), HasSubstr("---------- 0/10 packages"));
  starts(1, k_numpy);
  finishes(1, k_numpy, 100);
  happens(failure(2, ErrorKind::corrupt));
  EXPECT_THAT(view(), HasSubstr("========-------------------------------- 2/10 packages"));
  EXPECT_THAT(view(), HasSubstr("failed: corrupt 1"));
  EXPECT_THAT(view(), HasSubstr("30 packages had"));
}

TEST_F(RunViewTest, WhatRunsIsListedTheLongestFirst) {
  starts(1, k_numpy);
  clock_.advance(seconds(6));
  starts(2, k_zlib);
  fetches(2, 3 << 20);
  const std::string text = view();
  EXPECT_THAT(text, HasSubstr("locate     numpy-2.0-py312_0.conda  6.0 s"));
  EXPECT_THAT(text, HasSubstr("fetch      zlib-1.3-0.conda  3.0 MiB"));
  EXPECT_LT(text.find("numpy"), text.find("zlib"));
  happens(JobReturned{.job = JobId{1}, .worker = WorkerId{1}, .worker_lost = true});
  EXPECT_THAT(view(), Not(HasSubstr("numpy")));
}

TEST_F(RunViewTest, ALongListIsCutToAThirdOfTheScreen) {
  terminal_.rows = 12;
  for (std::uint64_t job = 1; job <= 7; ++job) {
    starts(job, k_zlib);
  }
  EXPECT_EQ(live_view(*progress_, terminal_, clock_.now()).size(), 2U + 4U + 1U);
  EXPECT_THAT(view(), HasSubstr("and 3 more"));
}

TEST_F(RunViewTest, BytesAreCountedOnceAndNeverFall) {
  starts(1, k_numpy);
  fetches(1, 1000);
  EXPECT_EQ(progress_->bytes(), 1000U);
  happens(
      JobProgressed{.job = JobId{1}, .worker = WorkerId{1}, .stage = Stage::transmute, .bytes = 5});
  EXPECT_EQ(progress_->bytes(), 1000U);
  finishes(1, k_numpy, 1000);
  EXPECT_EQ(progress_->bytes(), 1000U);
  starts(2, k_zlib);
  fetches(2, 50);
  happens(JobReturned{.job = JobId{2}, .worker = WorkerId{1}, .worker_lost = true});
  EXPECT_EQ(progress_->bytes(), 1050U);
}

TEST_F(RunViewTest, TheRateIsThatOfTheLastTenSeconds) {
  starts(1, k_numpy);
  for (int second = 1; second <= 20; ++second) {
    clock_.advance(seconds(1));
    fetches(1, static_cast<std::uint64_t>(second) * 1000);
  }
  EXPECT_EQ(progress_->rate(clock_.now()), 1000U);
  clock_.advance(seconds(30));
  EXPECT_EQ(progress_->rate(clock_.now()), 0U);
}

TEST_F(RunViewTest, TheTimeLeftIsSaidOnceEnoughIsKnown) {
  clock_.advance(seconds(10));
  for (std::uint64_t job = 1; job <= 4; ++job) {
    finishes(job, k_zlib, 1);
  }
  EXPECT_FALSE(progress_->time_left(clock_.now()));
  finishes(5, k_zlib, 1);
  EXPECT_EQ(progress_->time_left(clock_.now()), milliseconds(10'000));
}

TEST_F(RunViewTest, AHeartbeatSaysHowFarItIs) {
  clock_.advance(seconds(192));
  finishes(1, k_zlib, 2 << 20);
  happens(EnvironmentReady{.batch = BatchId{1}, .environment = 0, .keys = {}});
  happens(failure(2, ErrorKind::not_found));
  EXPECT_THAT(heartbeat_line(*progress_, clock_.now()),
              HasSubstr("[03:12] 2/10 packages, 2.0 MiB, "));
  EXPECT_THAT(heartbeat_line(*progress_, clock_.now()),
              HasSubstr("1/2 environments ready, failed: not_found 1"));
}

TEST_F(RunViewTest, FailuresAreAlwaysToldAndFinishedPackagesOnlyOnRequest) {
  EXPECT_EQ(line(failure(1, ErrorKind::corrupt), Detail::problems),
            "failed: " + k_zlib + ": verify: expected md5 a, got b. Ask the channel's owner");
  JobFinished finished{.job = JobId{1}, .source_url = k_numpy, .success = {}};
  EXPECT_FALSE(line(finished, Detail::notable));
  EXPECT_TRUE(line(finished, Detail::each));
  finished.success.stage_times = {{Stage::transmute, seconds(31)}};
  EXPECT_THAT(*line(finished, Detail::notable), HasSubstr("31 s"));
  const EnvironmentReady ready{.batch = BatchId{1}, .environment = 1, .keys = {}};
  EXPECT_EQ(line(ready, Detail::notable), "ready: osx-arm64 etl");
  EXPECT_FALSE(line(ready, Detail::problems));
}

TEST_F(RunViewTest, ALostWorkerIsToldWithWhatBecomesOfItsJobs) {
  const WorkerGone gone{.worker = WorkerId{1},
                        .name = "host/7",
                        .end = WorkerEnd::lost,
                        .reason = "was ended by signal 9 (Killed)",
                        .held_jobs = 3};
  EXPECT_EQ(line(gone, Detail::problems),
            "warning: worker host/7 is lost: was ended by signal 9 (Killed); 3 jobs go to others");
}

TEST_F(RunViewTest, WhatComesFromOutsideCannotControlTheTerminal) {
  JobFailed failed = failure(1, ErrorKind::retry);
  failed.failure.message = "\x1b[2J";
  EXPECT_THAT(*line(failed, Detail::problems), Not(HasSubstr("\x1b")));
}

TEST_F(RunViewTest, TheEventStreamHasOneObjectPerEvent) {
  clock_.advance(milliseconds(1500));
  JobFinished finished{.job = JobId{4}, .source_url = k_numpy, .success = {}};
  finished.success.formats = {
      {.format = Format::conda, .hash = "aa", .size = 7, .key = "packages/conda/x"}};
  const auto object = event_json(finished, *progress_, clock_.now());
  ASSERT_TRUE(object);
  EXPECT_EQ(dump_json(*object),
            R"({"event":"job_done","job":4,"source":")" + k_numpy +
                R"(","from":"none","fetched_bytes":0,"published_bytes":0,"transmuted":0,)"
                R"("adopted":0,"formats":[{"format":".conda","hash":"aa","size":7,)"
                R"("key":"packages/conda/x"}],"stage_ms":{},"warnings":[],"ms":1500})");
  EXPECT_FALSE(event_json(JobProgressed{}, *progress_, clock_.now()));
}

}  // namespace
}  // namespace athanor::coordinator
