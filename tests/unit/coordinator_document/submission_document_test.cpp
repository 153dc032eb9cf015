#include "coordinator/document/submission_document.hpp"

#include "coordinator/document/event_json.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor::coordinator {
namespace {

using test::must;
using testing::HasSubstr;
using testing::Not;

PackageReference package(const std::string& url, std::size_t line) {
  ExpectedDigest expected;
  expected.md5 = *Md5::from_hex("0123456789abcdef0123456789abcdef");
  expected.size = 812;
  return {.source = must(SourceUrl::parse(url, PackageType::conda)),
          .expected = expected,
          .position = {.file = "team.lock", .line = line}};
}

ExactRequests requests() {
  const std::string shared = "https://ana:hunter2@conda.test/c/noarch/x-1-0.conda";
  ExactRequests asked;
  asked.formats = FormatChoice::both;
  EnvironmentRequest linux_one;
  linux_one.name = "etl";
  linux_one.platform = "linux-64";
  linux_one.platform_label = "linux-64-cuda";
  linux_one.coresolve_group = "g";
  linux_one.requirements.deps["conda"] = {"x>=1", "y"};
  linux_one.requirements.extras["pypi"] = {"--pre"};
  linux_one.requirement_origin = RequirementOrigin::manifest;
  linux_one.packages = {package(shared, 3),
                        package("https://conda.test/c/linux-64/y-1-0.tar.bz2", 9)};
  linux_one.skipped = {{.type = PackageType::pypi,
                        .text = "./here",
                        .reason = SkipReason::local_or_vcs,
                        .position = {.file = "team.lock", .line = 12}}};
  linux_one.aliases = {"team/etl:latest"};
  linux_one.resolved_on = "2026-01-31T01:02:03";
  EnvironmentRequest mac_one;
  mac_one.name = "etl";
  mac_one.platform = "osx-arm64";
  mac_one.packages = {package(shared, 30)};
  asked.intake.environments = {linux_one, mac_one};
  asked.intake.loose_packages = {package("https://conda.test/c/noarch/z-1-0.conda", 1)};
  asked.intake.warnings = {"beware"};
  return asked;
}

EncodedSubmission encoded() {
  return must(encode_submission({.token = 7,
                                 .name = "nightly",
                                 .priority = -100,
                                 .user = "ana",
                                 .submitted_ms = 1'700'000'000'000,
                                 .environments = {},
                                 .sources = 0},
                                Asked(requests())));
}

TEST(SubmissionDocument, WhatIsAskedForComesBackAsItWas) {
  const EncodedSubmission submission = encoded();
  const Asked asked = must(read_asked(submission.document, submission.secrets));
  const auto& read = std::get<ExactRequests>(asked);
  EXPECT_EQ(read.formats, FormatChoice::both);
  ASSERT_EQ(read.intake.environments.size(), 2U);
  const EnvironmentRequest before = requests().intake.environments[0];
  const EnvironmentRequest& after = read.intake.environments[0];
  EXPECT_EQ(after.platform_label, before.platform_label);
  EXPECT_EQ(after.coresolve_group, before.coresolve_group);
  EXPECT_EQ(after.requirements.deps, before.requirements.deps);
  EXPECT_EQ(after.requirements.extras, before.requirements.extras);
  EXPECT_EQ(after.requirement_origin, before.requirement_origin);
  EXPECT_EQ(after.aliases, before.aliases);
  EXPECT_EQ(after.resolved_on, before.resolved_on);
  EXPECT_EQ(after.resolved_by, std::nullopt);
  ASSERT_EQ(after.packages.size(), 2U);
  EXPECT_EQ(after.packages[1].source, before.packages[1].source);
  EXPECT_EQ(after.packages[1].expected, before.packages[1].expected);
  EXPECT_EQ(after.packages[1].position.line, 9U);
  ASSERT_EQ(after.skipped.size(), 1U);
  EXPECT_EQ(after.skipped[0].reason, SkipReason::local_or_vcs);
  EXPECT_FALSE(after.is_whole());
  EXPECT_EQ(read.intake.loose_packages.size(), 1U);
  EXPECT_EQ(read.intake.warnings, requests().intake.warnings);
  // The same submission is the same bytes, which a retried one is recognised by.
  EXPECT_EQ(encoded().document, submission.document);
}

TEST(SubmissionDocument, TheHeadSaysWhatTheBatchIsWithoutTheBody) {
  const DocumentHead head = must(read_head(encoded().document));
  EXPECT_EQ(head.token, 7U);
  EXPECT_EQ(head.name, "nightly");
  EXPECT_EQ(head.priority, -100);
  EXPECT_EQ(head.user, "ana");
  EXPECT_EQ(head.sources, 3U);
  ASSERT_EQ(head.environments.size(), 2U);
  EXPECT_EQ(head.environments[1].platform, "osx-arm64");
}

TEST(SubmissionDocument, CredentialsTravelBesideIt) {
  const EncodedSubmission submission = encoded();
  EXPECT_THAT(submission.document, Not(HasSubstr("hunter2")));
  const auto url = [](const Asked& asked) {
    return std::get<ExactRequests>(asked).intake.environments[1].packages[0].source.fetch_url();
  };
  EXPECT_THAT(url(must(read_asked(submission.document, submission.secrets))), HasSubstr("hunter2"));
  EXPECT_EQ(url(must(read_asked(submission.document, {}))),
            "https://conda.test/c/noarch/x-1-0.conda");
}

TEST(SubmissionDocument, DamageIsAnErrorWhateverIsCutOffOrAltered) {
  const std::string document = encoded().document;
  for (std::size_t size = 0; size < document.size(); ++size) {
    const std::string cut = document.substr(0, size);
    EXPECT_FALSE(read_head(cut).ok() && read_asked(cut, {}).ok()) << size;
  }
  std::string newer = document;
  newer[4] = 9;
  EXPECT_EQ(read_head(newer).error().kind, ErrorKind::unsupported);
}

TEST(EventJson, WhatAWatcherNeedsComesBack) {
  JobFailed failed{.job = JobId{3},
                   .source_url = "https://conda.test/c/noarch/x-1-0.conda",
                   .failure = {},
                   .end = FailureEnd::quarantined,
                   .failures = 2,
                   .killed = {"ant", "bee"}};
  failed.failure.stage = Stage::verify;
  failed.failure.kind = ErrorKind::corrupt;
  failed.failure.message = "wrong bytes";
  const auto back = event_from_object(event_object(failed, {}), BatchId{1});
  ASSERT_TRUE(back.has_value());
  const auto& read = std::get<JobFailed>(*back);
  EXPECT_EQ(read.job, failed.job);
  EXPECT_EQ(read.failure.kind, ErrorKind::corrupt);
  EXPECT_EQ(read.failure.stage, Stage::verify);
  EXPECT_EQ(read.end, FailureEnd::quarantined);
  EXPECT_EQ(read.killed, failed.killed);

  const Json ready =
      event_object(EnvironmentReady{.batch = BatchId{1}, .environment = 1, .keys = {"envs/x"}},
                   {{.name = "a", .platform = "linux-64"}, {.name = "b", .platform = "osx-arm64"}});
  EXPECT_EQ(*ready.find("name")->as_string(), "b");
  EXPECT_EQ(std::get<EnvironmentReady>(*event_from_object(ready, BatchId{1})).environment, 1U);
  EXPECT_FALSE(event_from_object(Json::object({{"event", "of a newer one"}}), BatchId{1}));
}

}  // namespace
}  // namespace athanor::coordinator
