#include "coordinator/server/hosted_coordinator.hpp"

#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"
#include "tests/support/memory_store.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// The whole coordinator with its journal, sockets and processes; only the workers' work is missing.
namespace athanor::coordinator {
namespace {

class Recorder final : public RunListener {
 public:
  void on_event(const RunEvent& event) override {
    events.push_back(event);
    if (react) {
      react(event);
    }
  }
  template <typename Event>
  std::size_t count() const {
    std::size_t number = 0;
    for (const RunEvent& event : events) {
      number += std::holds_alternative<Event>(event) ? 1U : 0U;
    }
    return number;
  }

  std::vector<RunEvent> events;
  std::function<void(const RunEvent&)> react;
};

class HostedCoordinatorTest : public testing::Test {
 protected:
  HostedCoordinatorTest()
      : directory(*TempDir::create("host")) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    stop_read = Fd(ends[0]);
    stop_write = Fd(ends[1]);
  }

  CoordinatorOptions options(unsigned workers) const {
    CoordinatorOptions options;
    options.settings.store_url = "file:///store";
    options.settings.packages_root = "packages";
    options.settings.environments_root = "envs";
    options.settings.zstd_level = 19;
    options.user = "tester";
    options.state_directory = directory.path() / "state";
    options.journal = directory.path() / "journal.sqlite";
    options.workers.count = workers;
    options.workers.program = ATHANOR_NOOP_WORKER;
    options.workers.arguments = {"--jobs", "4"};
    return options;
  }
  std::unique_ptr<Coordinator> start(unsigned workers) {
    auto started = Coordinator::start(options(workers), store, recorder);
    EXPECT_TRUE(started.ok()) << started.error().to_string();
    return started.ok() ? *std::move(started) : nullptr;
  }

  // Packages that no environment needs, by the names of their files.
  static std::shared_ptr<Plan> plan(const std::vector<std::string>& names) {
    auto plan = std::make_shared<Plan>();
    for (const std::string& name : names) {
      PlannedPackage package;
      package.spec.source_url = "https://conda.test/channel/linux-64/" + name + "-1-0.conda";
      package.spec.fetch_url = package.spec.source_url;
      package.spec.wanted = {Format::conda};
      package.needed = true;
      plan->packages.push_back(std::move(package));
    }
    return plan;
  }
  static std::vector<std::string> many(const std::string& name, int count) {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
      names.push_back(name + std::to_string(i));
    }
    return names;
  }
  RunSummary run(Coordinator& coordinator) {
    auto summary = coordinator.run_until_done(stop_read.get());
    EXPECT_TRUE(summary.ok()) << summary.error().to_string();
    return summary.ok() ? *std::move(summary) : RunSummary{};
  }
  void request_stop() { EXPECT_EQ(::write(stop_write.get(), "x", 1), 1); }

  TempDir directory;
  test::MemoryStore store;
  Recorder recorder;
  Fd stop_read;
  Fd stop_write;
};

TEST_F(HostedCoordinatorTest, ManyJobsAreDoneOnceEachByWorkerProcesses) {
  auto coordinator = start(2);
  ASSERT_TRUE(coordinator->submit(plan(many("p", 500)), {}).ok());
  const RunSummary summary = run(*coordinator);
  EXPECT_EQ(summary.end, RunEnd::done);
  EXPECT_EQ(summary.packages_new, 500U);
  EXPECT_EQ(summary.from_origin, 500U);
  EXPECT_EQ(recorder.count<JobFinished>(), 500U);
  EXPECT_EQ(recorder.count<WorkerGone>(), recorder.count<WorkerJoined>());
}

TEST_F(HostedCoordinatorTest, AnEnvironmentIsPublishedWhenItsPackagesAreDone) {
  auto coordinator = start(1);
  auto work = plan({"zlib"});
  const auto source = SourceUrl::parse(work->packages[0].spec.source_url, PackageType::conda);
  ASSERT_TRUE(source.ok());
  PlannedEnvironment environment;
  environment.request.name = "default";
  environment.request.platform = "linux-64";
  environment.request.packages.push_back({.source = *source, .expected = {}, .position = {}});
  environment.packages = {0};
  work->packages[0].environments = {0};
  work->environments.push_back(environment);
  ASSERT_TRUE(coordinator->submit(work, {}).ok());
  const RunSummary summary = run(*coordinator);
  ASSERT_EQ(summary.environments.size(), 1U);
  EXPECT_EQ(summary.environments[0].outcome, EnvironmentOutcome::ready)
      << summary.environments[0].error.to_string();
  ASSERT_FALSE(summary.environments[0].keys.empty());
  EXPECT_EQ(store.objects().count(summary.environments[0].keys[0]), 1U);
}

TEST_F(HostedCoordinatorTest, SolvesComeBackInTheOrderOfTheirRequests) {
  auto coordinator = start(1);
  const auto request = [](const std::string& spec) {
    SolveRequest wanted;
    wanted.channels = {{.url = "https://conda.test/main", .fetch_url = {}}};
    wanted.platform = "linux-64";
    wanted.specs = {spec};
    return wanted;
  };
  const Result<BatchId> batch = coordinator->submit_solves(
      {request("zlib"), request("fail"), request("python"), request("zlib")}, {});
  ASSERT_TRUE(batch.ok()) << batch.error().to_string();
  run(*coordinator);
  EXPECT_EQ(recorder.count<JobFinished>(), 2U) << "equal requests are one job";
  const auto outcomes = coordinator->take_solves(*batch);
  ASSERT_TRUE(outcomes.ok());
  ASSERT_EQ(outcomes->size(), 4U);
  for (const std::size_t i : {0U, 2U, 3U}) {
    const auto* success = std::get_if<SolveSuccess>(&outcomes->at(i));
    ASSERT_NE(success, nullptr);
    EXPECT_EQ(success->packages.front().name, i == 2 ? "python" : "zlib");
  }
  const auto* failure = std::get_if<JobFailure>(&outcomes->at(1));
  ASSERT_NE(failure, nullptr);
  EXPECT_EQ(failure->kind, ErrorKind::invalid);
  EXPECT_THAT(failure->details, testing::ElementsAre("nothing fulfils 'fail'"));
}

TEST_F(HostedCoordinatorTest, ASolveThatCannotBeSentIsRefused) {
  auto coordinator = start(0);
  SolveRequest nowhere;
  nowhere.platform = "linux-64";
  const Result<BatchId> batch = coordinator->submit_solves({nowhere}, {});
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().kind, ErrorKind::invalid);
  EXPECT_THAT(batch.error().message, testing::HasSubstr("channels"));
}

TEST_F(HostedCoordinatorTest, AFailedPackageIsToldAndTheOthersFinish) {
  auto coordinator = start(1);
  ASSERT_TRUE(coordinator->submit(plan({"a", "fail-b", "c"}), {}).ok());
  const RunSummary summary = run(*coordinator);
  EXPECT_EQ(summary.packages_new, 2U);
  ASSERT_EQ(summary.failures.size(), 1U);
  EXPECT_EQ(summary.failures[0].package, 1U);
  EXPECT_EQ(summary.failures[0].failure.kind, ErrorKind::not_found);
}

TEST_F(HostedCoordinatorTest, AJobThatKillsItsWorkersIsQuarantinedAndTheOthersFinish) {
  auto coordinator = start(2);
  auto names = many("p", 40);
  names.push_back("crash-test");
  ASSERT_TRUE(coordinator->submit(plan(names), {}).ok());
  const RunSummary summary = run(*coordinator);
  EXPECT_EQ(summary.end, RunEnd::done);
  EXPECT_EQ(summary.packages_new, 40U);
  ASSERT_EQ(summary.failures.size(), 1U);
  EXPECT_EQ(summary.failures[0].end, FailureEnd::quarantined);
  EXPECT_EQ(summary.failures[0].killed.size(), limits::k_crashes_until_quarantine);
}

TEST_F(HostedCoordinatorTest, AKilledWorkerCostsOneAttemptAndNothingElse) {
  auto coordinator = start(1);
  ASSERT_TRUE(coordinator->submit(plan({"hang-a"}), {}).ok());
  pid_t victim = 0;
  unsigned started = 0;
  recorder.react = [&](const RunEvent& event) {
    if (const auto* joined = std::get_if<WorkerJoined>(&event)) {
      victim = static_cast<pid_t>(std::stol(joined->name.substr(joined->name.rfind('/') + 1)));
    } else if (const auto* job = std::get_if<JobStarted>(&event)) {
      ++started;
      EXPECT_EQ(job->attempt, started);
      if (started == 1) {
        ::kill(victim, SIGKILL);
      } else {
        request_stop();
        request_stop();
      }
    }
  };
  const RunSummary summary = run(*coordinator);
  EXPECT_EQ(summary.end, RunEnd::stopped);
  EXPECT_EQ(summary.packages_unfinished, 1U);
  EXPECT_EQ(started, 2U);
  EXPECT_EQ(recorder.count<JobFailed>(), 0U);
}

TEST_F(HostedCoordinatorTest, AFirstStopRequestDrains) {
  auto coordinator = start(1);
  ASSERT_TRUE(coordinator->submit(plan(many("p", 2000)), {}).ok());
  std::size_t finished = 0;
  recorder.react = [&](const RunEvent& event) {
    if (std::holds_alternative<JobFinished>(event) && ++finished == 100) {
      request_stop();
    }
  };
  const RunSummary summary = run(*coordinator);
  EXPECT_EQ(summary.end, RunEnd::drained);
  EXPECT_EQ(summary.packages_new + summary.packages_unfinished, 2000U);
  EXPECT_GE(summary.packages_new, 100U);
  EXPECT_GT(summary.packages_unfinished, 0U);
  EXPECT_EQ(summary.packages_failed, 0U);
}

TEST_F(HostedCoordinatorTest, ARunAfterADrainedOneDoesTheRest) {
  {
    auto coordinator = start(1);
    ASSERT_TRUE(coordinator->submit(plan(many("p", 300)), {}).ok());
    request_stop();
    EXPECT_EQ(run(*coordinator).end, RunEnd::drained);
  }
  recorder.events.clear();
  auto coordinator = start(1);
  ASSERT_TRUE(coordinator->submit(plan(many("p", 200)), {}).ok());
  const RunSummary summary = run(*coordinator);
  EXPECT_EQ(summary.end, RunEnd::done);
  EXPECT_EQ(summary.packages_new, 200U) << "what is not asked for again is not done";
  EXPECT_EQ(recorder.count<JobFailed>(), 0U);
}

TEST_F(HostedCoordinatorTest, NothingToDoStartsNoWorker) {
  auto coordinator = start(2);
  auto work = plan({"zlib"});
  work->packages[0].needed = false;
  ASSERT_TRUE(coordinator->submit(work, {}).ok());
  const RunSummary summary = run(*coordinator);
  EXPECT_EQ(summary.end, RunEnd::done);
  EXPECT_EQ(summary.packages_had, 1U);
  EXPECT_EQ(recorder.count<WorkerJoined>(), 0U);
}

TEST_F(HostedCoordinatorTest, AMissingWorkerProgramIsSaidAtOnce) {
  CoordinatorOptions lacking = options(1);
  lacking.workers.program = directory.path() / "no-such-worker";
  auto coordinator = Coordinator::start(std::move(lacking), store, recorder);
  ASSERT_TRUE(coordinator.ok());
  ASSERT_TRUE((*coordinator)->submit(plan({"a"}), {}).ok());
  const auto summary = (*coordinator)->run_until_done(-1);
  ASSERT_FALSE(summary.ok());
  EXPECT_EQ(summary.error().kind, ErrorKind::not_found);
}

TEST_F(HostedCoordinatorTest, ASpecThatCannotBeSentIsRefusedWhenItIsSubmitted) {
  auto coordinator = start(1);
  auto work = plan({"zlib"});
  work->packages[0].spec.present.push_back(
      {.format = Format::tar_bz2, .hash = "not a hash", .size = 1, .key = "x"});
  const auto submitted = coordinator->submit(work, {});
  ASSERT_FALSE(submitted.ok());
  EXPECT_THAT(submitted.error().message, testing::HasSubstr("zlib"));
}

TEST_F(HostedCoordinatorTest, WorkersThatDieBeforeAnythingGetsDoneAreGivenUp) {
  CoordinatorOptions dying = options(2);
  dying.workers.program = "/bin/false";
  auto coordinator = Coordinator::start(std::move(dying), store, recorder);
  ASSERT_TRUE(coordinator.ok());
  ASSERT_TRUE((*coordinator)->submit(plan({"a"}), {}).ok());
  const auto summary = (*coordinator)->run_until_done(-1);
  ASSERT_FALSE(summary.ok());
  EXPECT_EQ(summary.error().kind, ErrorKind::rejected);
  EXPECT_THAT(summary.error().message, testing::HasSubstr("exited with code 1"));
}

}  // namespace
}  // namespace athanor::coordinator
