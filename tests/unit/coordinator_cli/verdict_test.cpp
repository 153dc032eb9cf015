#include "coordinator/server/verdict.hpp"

#include "coordinator/cli/verdict_line.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

using cli::ExitStatus;
using std::chrono::milliseconds;

PlannedPackage package(const std::string& url, std::uint64_t size, bool needed,
                       std::vector<std::size_t> environments) {
  PlannedPackage planned;
  planned.spec.source_url = url;
  if (size > 0) {
    ExpectedDigest expected;
    expected.size = size;
    planned.spec.expected.push_back(expected);
  }
  planned.needed = needed;
  planned.environments = std::move(environments);
  return planned;
}

PlannedEnvironment environment(const std::string& name, const std::string& platform) {
  PlannedEnvironment planned;
  planned.request.name = name;
  planned.request.platform = platform;
  return planned;
}

// Two environments; a new package in both, one that was there, one whose size no input gives.
Plan plan() {
  Plan plan;
  plan.environments = {environment("etl", "linux-64"), environment("etl", "osx-arm64")};
  plan.packages = {package("https://a/x-1-0.conda", 1000, true, {0, 1}),
                   package("https://a/y-1-0.conda", 200, false, {0}),
                   package("https://a/z-1-0.conda", 0, true, {1})};
  return plan;
}

EnvironmentResult result(std::size_t index, EnvironmentOutcome outcome, Error error = {}) {
  EnvironmentResult result;
  result.environment = index;
  result.outcome = outcome;
  result.error = std::move(error);
  return result;
}

RunSummary finished() {
  RunSummary summary;
  summary.packages_new = 2;
  summary.packages_had = 1;
  summary.fetched_bytes = 1'050;
  summary.environments = {result(0, EnvironmentOutcome::ready),
                          result(1, EnvironmentOutcome::ready)};
  return summary;
}

RunSummary failed(std::vector<ErrorKind> kinds) {
  RunSummary summary = finished();
  summary.packages_new = 1;
  summary.packages_failed = kinds.size();
  summary.environments[1] = result(1, EnvironmentOutcome::failed,
                                   make_error(kinds.front(), "https://a/z-1-0.conda: no luck"));
  summary.environments[1].failed_packages = kinds.size();
  for (const ErrorKind kind : kinds) {
    PackageFailure failure;
    failure.source_url = "https://a/z-1-0.conda";
    failure.failure.kind = kind;
    failure.failure.stage = Stage::fetch;
    failure.failure.message = "no luck";
    failure.failures = 3;
    summary.failures.push_back(failure);
  }
  return summary;
}

TEST(Verdict, AllReadyIsZeroAndCountsWhatWasSaved) {
  const Verdict verdict = make_verdict(plan(), finished(), {{"https://a/z-1-0.conda", 50}},
                                       ExitStatus::ready, milliseconds(192'000));
  EXPECT_EQ(verdict.status, ExitStatus::ready);
  EXPECT_EQ(verdict.saved_by_dedupe, 1000U);
  EXPECT_EQ(verdict.saved_by_store, 200U);
  EXPECT_EQ(
      verdict_line(verdict, {}),
      "athanor: 2 of 2 environments ready; packages: 2 new, 1 had, 0 failed; fetched 1.0 KiB; "
      "saved 1000 B by dedupe, 200 B by the store; 3m12s");
}

struct Row {
  const char* name;
  RunSummary summary;
  ExitStatus stopped;
  ExitStatus status;
};

RunSummary drained() {
  RunSummary summary = finished();
  summary.end = RunEnd::drained;
  summary.packages_new = 1;
  summary.packages_unfinished = 1;
  summary.environments[1] = result(1, EnvironmentOutcome::unfinished);
  return summary;
}

RunSummary publishing_failed(ErrorKind kind) {
  RunSummary summary = finished();
  summary.environments[0] = result(0, EnvironmentOutcome::failed, make_error(kind, "alias taken"));
  return summary;
}

class VerdictStatus : public testing::TestWithParam<Row> {};

TEST_P(VerdictStatus, SaysWhatMayBeDone) {
  const Verdict verdict =
      make_verdict(plan(), GetParam().summary, {}, GetParam().stopped, milliseconds(1));
  EXPECT_EQ(verdict.status, GetParam().status);
}

using enum ErrorKind;

INSTANTIATE_TEST_SUITE_P(
    Ends, VerdictStatus,
    testing::Values(
        Row{"mismatch", failed({corrupt}), ExitStatus::ready, ExitStatus::refused},
        Row{"gone", failed({not_found}), ExitStatus::ready, ExitStatus::partial},
        Row{"down", failed({ErrorKind::retry}), ExitStatus::ready, ExitStatus::try_later},
        Row{"interrupted", drained(), ExitStatus::interrupted, ExitStatus::interrupted},
        Row{"terminated", drained(), ExitStatus::terminated, ExitStatus::terminated},
        Row{"interrupted_after_all_was_done", finished(), ExitStatus::interrupted,
            ExitStatus::ready},
        Row{"immutable_alias", publishing_failed(rejected), ExitStatus::ready, ExitStatus::refused},
        Row{"unfinished_without_a_reason", drained(), ExitStatus::ready, ExitStatus::partial}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Verdict, ASlotConflictIsARefusalEvenThoughNoJobFailed) {
  Plan conflicted = plan();
  conflicted.packages[1].conflicts = {"two hash folders"};
  RunSummary summary = finished();
  summary.packages_failed = 1;
  EXPECT_EQ(make_verdict(conflicted, summary, {}, ExitStatus::ready, milliseconds(1)).status,
            ExitStatus::refused);
}

TEST(Verdict, WhatIsNotReadyIsNamedWithItsReason) {
  const Verdict verdict =
      make_verdict(plan(), failed({not_found}), {}, ExitStatus::ready, milliseconds(900));
  ASSERT_EQ(verdict.not_ready.size(), 1U);
  EXPECT_EQ(verdict.not_ready[0].platform, "osx-arm64");
  EXPECT_EQ(verdict.not_ready[0].why, "https://a/z-1-0.conda: no luck");
  const Json object = verdict_json(verdict);
  EXPECT_EQ(object.find("exit_code")->as_int(), 1);
  EXPECT_EQ(object.find("environments")->find("ready")->as_uint(), 1U);
  const Json& failure = (*object.find("failures")->as_array())[0];
  EXPECT_EQ(*failure.find("source")->as_string(), "https://a/z-1-0.conda");
  EXPECT_EQ(*failure.find("kind")->as_string(), "not_found");
}

TEST(Verdict, ARunThatCanGoOnSaysSo) {
  const Verdict verdict =
      make_verdict(plan(), drained(), {}, ExitStatus::interrupted, milliseconds(900));
  EXPECT_THAT(verdict_line(verdict, {}), testing::HasSubstr("1 unfinished"));
  EXPECT_THAT(verdict_line(verdict, {}), testing::EndsWith("stopped, run again to go on"));
}

}  // namespace
}  // namespace athanor::coordinator
