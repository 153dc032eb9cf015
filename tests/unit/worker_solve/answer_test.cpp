#include "worker/solve/answer.hpp"

#include "tests/support/manual_clock.hpp"
#include "tests/unit/worker_solve/records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

namespace athanor::worker::solve {
namespace {

using test::index_of;
using test::Made;
using testing::ElementsAre;
using testing::HasSubstr;

class AnswerTest : public testing::Test {
 protected:
  static SolveRequest request(std::vector<std::string> specs) {
    SolveRequest request;
    request.platform = "linux-64";
    request.channels = {{.url = "https://repo.example/main", .fetch_url = {}}};
    request.specs = std::move(specs);
    return request;
  }
  Result<SolveSuccess> solve(const PackageIndex& index, const SolveRequest& wanted) {
    EnvironmentSolver solver(index);
    return answer(solver, wanted, clock, stop.get_token());
  }
  std::vector<std::string> packages(const PackageIndex& index, const SolveRequest& wanted) {
    const Result<SolveSuccess> success = solve(index, wanted);
    EXPECT_TRUE(success.ok()) << (success.ok() ? "" : success.error().message);
    std::vector<std::string> all;
    for (const SolvedPackage& package :
         success.ok() ? success->packages : std::vector<SolvedPackage>()) {
      all.push_back(package.name + " " + package.version);
    }
    return all;
  }

  athanor::test::ManualClock clock;
  std::stop_source stop;
};

const std::vector<Made> k_python = {
    {.name = "python", .version = "3.11", .depends = {"zlib"}},
    {.name = "python", .version = "3.12", .depends = {"zlib"}},
    {.name = "zlib", .version = "1.2"},
    {.name = "zlib", .version = "1.3"},
    {.name = "pip", .version = "24", .depends = {"python"}},
    {.name = "tool", .version = "1", .depends = {"python", "zlib <1.3"}},
};

TEST_F(AnswerTest, PackagesComeInInstallationOrderWithAllThatADescriptionNeeds) {
  const PackageIndex index = index_of(k_python);
  const Result<SolveSuccess> success = solve(index, request({"python"}));
  ASSERT_TRUE(success.ok());
  ASSERT_EQ(success->packages.size(), 2U);
  EXPECT_EQ(success->packages[0].name, "zlib");
  const SolvedPackage& python = success->packages[1];
  EXPECT_EQ(python.url, "https://repo.example/main/linux-64/python-3.12-0.conda");
  EXPECT_EQ(python.digest.md5, md5_of("python-3.12-0.conda"));
  EXPECT_THAT(python.depends, ElementsAre("zlib"));
  EXPECT_THAT(success->reach, ElementsAre("python", "zlib"));
  EXPECT_EQ(success->solve_key.size(), 64U);
  EXPECT_THAT(success->solver, HasSubstr("libsolv 0."));
}

TEST_F(AnswerTest, APinHoldsWithoutAskingForThePackage) {
  const PackageIndex index = index_of(k_python);
  SolveRequest pinned = request({"python"});
  pinned.pins = {"zlib 1.2.*", "pip <1"};
  EXPECT_THAT(packages(index, pinned), ElementsAre("zlib 1.2", "python 3.12"));
  pinned.pins = {"python 2.*"};
  const Result<SolveSuccess> impossible = solve(index, pinned);
  ASSERT_FALSE(impossible.ok());
  EXPECT_EQ(impossible.error().kind, ErrorKind::invalid);
  EXPECT_THAT(impossible.error().message, HasSubstr("python"));
}

TEST_F(AnswerTest, PythonBringsPipIfThatIsWished) {
  const PackageIndex index = index_of(k_python);
  SolveRequest with_pip = request({"python"});
  const std::string key = solve(index, with_pip)->solve_key;
  with_pip.python_brings_pip = true;
  EXPECT_THAT(packages(index, with_pip),
              testing::UnorderedElementsAre("zlib 1.3", "python 3.12", "pip 24"));
  EXPECT_NE(solve(index, with_pip)->solve_key, key);
}

TEST_F(AnswerTest, AFormerSolutionIsKeptOrPreferred) {
  const PackageIndex index = index_of(k_python);
  SolveRequest again = request({"python"});
  again.locked = {{.name = "python", .version = "3.11", .build = "0", .hold = LockHold::keep}};
  EXPECT_THAT(packages(index, again), ElementsAre("zlib 1.3", "python 3.11"));
  again.locked = {{.name = "zlib", .version = "1.2", .build = {}, .hold = LockHold::prefer}};
  EXPECT_THAT(packages(index, again), ElementsAre("zlib 1.2", "python 3.12"));
  again.specs.push_back("zlib >=1.3");
  EXPECT_THAT(packages(index, again), ElementsAre("zlib 1.3", "python 3.12"));
}

TEST_F(AnswerTest, RecordsNewerThanTheLimitAreNotThere) {
  PackageIndexBuilder builder;
  builder.begin_repo({.channel = "c", .subdir = "s"});
  for (const std::uint64_t time : {1000U, 2000U, 3000U}) {
    PackageRecord record = test::record({.name = "a", .version = std::to_string(time)});
    record.timestamp = time;
    builder.add(record);
  }
  const PackageIndex index = athanor::test::must(std::move(builder).build());
  SolveRequest wanted = request({"a"});
  wanted.exclude_newer = 2000;
  EXPECT_THAT(packages(index, wanted), ElementsAre("a 2000"));
}

TEST_F(AnswerTest, EqualKeysAreForEqualSurvivorsOnly) {
  std::vector<Made> more = k_python;
  more.push_back({.name = "unrelated", .version = "1"});
  std::vector<Made> newer = k_python;
  newer.push_back({.name = "zlib", .version = "1.4"});
  const SolveRequest wanted = request({"python"});
  const std::string key = solve(index_of(k_python), wanted)->solve_key;
  EXPECT_EQ(solve(index_of(more), wanted)->solve_key, key);
  EXPECT_NE(solve(index_of(newer), wanted)->solve_key, key);
  EXPECT_NE(solve(index_of(k_python), request({"python 3.11"}))->solve_key, key);
}

TEST_F(AnswerTest, ContradictionsAreToldALineEach) {
  const PackageIndex index = index_of(k_python);
  const Result<SolveSuccess> impossible = solve(index, request({"tool", "zlib >=1.3"}));
  ASSERT_FALSE(impossible.ok());
  EXPECT_EQ(impossible.error().kind, ErrorKind::invalid);
  EXPECT_THAT(impossible.error().message, HasSubstr("zlib <1.3"));
}

TEST_F(AnswerTest, CyclesAreInstalledAllTheSame) {
  const PackageIndex index = index_of({{.name = "a", .version = "1", .depends = {"b"}},
                                       {.name = "b", .version = "1", .depends = {"c"}},
                                       {.name = "c", .version = "1", .depends = {"a", "c"}}});
  EXPECT_THAT(packages(index, request({"a"})), testing::UnorderedElementsAre("a 1", "b 1", "c 1"));
}

// Pigeons and holes: nothing can be dropped beforehand, and a search takes exponential time.
PackageIndex pigeons(int holes) {
  std::vector<Made> made;
  for (int pigeon = 0; pigeon <= holes; ++pigeon) {
    for (int hole = 0; hole < holes; ++hole) {
      made.push_back(
          {.name = "pigeon" + std::to_string(pigeon),
           .version = std::to_string(hole + 1),
           .depends = {"hole" + std::to_string(hole) + " ==" + std::to_string(pigeon + 1)}});
    }
  }
  for (int hole = 0; hole < holes; ++hole) {
    for (int pigeon = 0; pigeon <= holes; ++pigeon) {
      made.push_back(
          {.name = "hole" + std::to_string(hole), .version = std::to_string(pigeon + 1)});
    }
  }
  return index_of(made);
}

// A solve that is cut short leaves libsolv in the middle of its work: the few hundred bytes that it
// had allocated there can't be given back, and nobody is to take them for a fault of ours.
class KnownLeak {
 public:
#ifdef __SANITIZE_ADDRESS__
  KnownLeak() {
    __lsan_disable();
  }
  ~KnownLeak() {
    __lsan_enable();
  }
#else
  KnownLeak() {}
  ~KnownLeak() {}
#endif
  KnownLeak(const KnownLeak&) = delete;
  KnownLeak& operator=(const KnownLeak&) = delete;
};

TEST_F(AnswerTest, ASolveThatTakesTooLongSaysSo) {
  class Hurry final : public Clock {
   public:
    TimePoint now() const override { return now_ += std::chrono::milliseconds(10); }
    WallTime wall_now() const override { return {}; }

   private:
    mutable TimePoint now_{};
  };
  const PackageIndex index = pigeons(10);
  SolveRequest hard = request({});
  for (int pigeon = 0; pigeon <= 10; ++pigeon) {
    hard.specs.push_back("pigeon" + std::to_string(pigeon));
  }
  hard.time_limit = std::chrono::milliseconds(100);
  EnvironmentSolver solver(index);
  const Hurry hurry;
  const KnownLeak leak;
  const Result<SolveSuccess> late = answer(solver, hard, hurry, {});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::rejected);
  EXPECT_THAT(late.error().message, HasSubstr("limit of 100 ms"));
  SolveProblem easy;
  easy.specs = {"hole1"};
  EXPECT_TRUE(solver.solve(easy).ok()) << "the solver is good for more";

  stop.request_stop();
  hard.time_limit = std::chrono::hours(1);
  const Result<SolveSuccess> stopped = solve(index, hard);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind, ErrorKind::canceled);
}

}  // namespace
}  // namespace athanor::worker::solve
