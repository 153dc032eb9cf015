#include "coordinator/plan/plan.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace athanor::coordinator {
namespace {

using test::must;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

const std::string k_md5_a(32, 'a');
const std::string k_md5_b(32, 'b');
const std::string k_sha_a(64, 'a');
const std::string k_sha_b(64, 'b');

PackageReference package(const std::string& url, const std::string& md5 = {},
                         std::optional<std::uint64_t> size = {}) {
  PackageReference reference{
      .source = must(SourceUrl::parse(url, PackageType::conda)), .expected = {}, .position = {}};
  if (!md5.empty()) {
    reference.expected.md5 = Md5::from_hex(md5);
  }
  reference.expected.size = size;
  return reference;
}

PackageReference wheel(const std::string& url, const std::string& sha256) {
  return {.source = must(SourceUrl::parse(url, PackageType::pypi)),
          .expected = {.md5 = {}, .sha256 = Sha256::from_hex(sha256), .size = {}},
          .position = {}};
}

EnvironmentRequest environment(std::string platform, std::vector<PackageReference> packages) {
  EnvironmentRequest request;
  request.name = "default";
  request.platform = std::move(platform);
  request.requirement_origin = RequirementOrigin::given;
  request.packages = std::move(packages);
  request.position.file = "lock.yml";
  return request;
}

struct World {
  IntakeResult intake;
  Survey survey;
  Layout layout;
  PlanOptions options;

  void stored(const PackageReference& reference, Format format, const std::string& hash,
              std::uint64_t size = 100) {
    survey[layout.source_prefix(reference.source)].formats.push_back(
        {.format = format,
         .hash = hash,
         .size = size,
         .key = layout.artifact_key(reference.source, format, hash)});
  }
  Plan plan() const { return make_plan(intake, survey, layout, options); }
};

TEST(Planner, APackageIsOneJobHoweverManyEnvironmentsWantIt) {
  World world;
  const auto shared = package("https://host/ch/noarch/a-1-0.conda", k_md5_a);
  world.intake.environments = {
      environment("linux-64", {shared, package("https://host/ch/linux-64/b-1-0.conda", k_md5_b)}),
      environment("osx-64", {shared}), environment("linux-64", {shared, shared})};
  const Plan plan = world.plan();
  ASSERT_EQ(plan.packages.size(), 2U);
  EXPECT_THAT(plan.packages[0].environments, ElementsAre(0U, 1U, 2U));
  EXPECT_THAT(plan.packages[1].environments, ElementsAre(0U));
  EXPECT_THAT(plan.environments[0].packages, ElementsAre(0U, 1U));
  EXPECT_THAT(plan.environments[2].packages, ElementsAre(0U, 0U));
  EXPECT_EQ(plan.totals.references, 5U);
  EXPECT_EQ(plan.totals.distinct, 2U);
  EXPECT_EQ(plan.by_platform.at("linux-64").distinct, 2U);
  EXPECT_EQ(plan.by_platform.at("linux-64").references, 4U);
  EXPECT_EQ(plan.by_platform.at("osx-64").distinct, 1U);
}

TEST(Planner, EqualFileNamesFromTwoChannelsAreTwoPackages) {
  World world;
  world.intake.environments = {
      environment("linux-64", {package("https://host/main/noarch/a-1-0.conda", k_md5_a),
                               package("https://host/forge/noarch/a-1-0.conda", k_md5_a),
                               package("https://host/forge/noarch/a-1-0.tar.bz2", k_md5_b)})};
  EXPECT_EQ(world.plan().packages.size(), 3U);
}

TEST(Planner, TwoSchemesOfOneFileAreOnePackageBecauseTheyShareASlot) {
  World world;
  world.intake.environments = {
      environment("linux-64", {package("http://host/ch/noarch/a-1-0.conda", k_md5_a)}),
      environment("linux-64", {package("https://host/ch/noarch/a-1-0.conda", k_md5_a)})};
  const Plan plan = world.plan();
  ASSERT_EQ(plan.packages.size(), 1U);
  EXPECT_EQ(plan.packages[0].spec.source_url, "http://host/ch/noarch/a-1-0.conda");
  EXPECT_EQ(plan.environments[1].request.packages[0].source.text(),
            "https://host/ch/noarch/a-1-0.conda");
}

TEST(Planner, CredentialsOfAnyInputAreKeptForFetchingOnly) {
  World world;
  world.intake.loose_packages = {package("https://host/ch/noarch/a-1-0.conda"),
                                 package("https://me:secret@host/ch/noarch/a-1-0.conda")};
  const Plan plan = world.plan();
  ASSERT_EQ(plan.packages.size(), 1U);
  EXPECT_EQ(plan.packages[0].spec.source_url, "https://host/ch/noarch/a-1-0.conda");
  EXPECT_THAT(plan.packages[0].spec.fetch_url, HasSubstr("me:secret@host"));
}

TEST(Planner, TheChoiceSaysWhichFormatsAreWanted) {
  struct Case {
    FormatChoice choice;
    std::vector<Format> of_tar_bz2;
    std::vector<Format> of_conda;
  };
  const Case cases[] = {
      {FormatChoice::source_and_conda, {Format::tar_bz2, Format::conda}, {Format::conda}},
      {FormatChoice::source, {Format::tar_bz2}, {Format::conda}},
      {FormatChoice::conda, {Format::conda}, {Format::conda}},
      {FormatChoice::tar_bz2, {Format::tar_bz2}, {Format::tar_bz2}},
      {FormatChoice::both, {Format::tar_bz2, Format::conda}, {Format::conda, Format::tar_bz2}},
  };
  for (const Case& c : cases) {
    World world;
    world.options.formats = c.choice;
    world.intake.loose_packages = {package("https://host/ch/noarch/a-1-0.tar.bz2", k_md5_a),
                                   package("https://host/ch/noarch/b-1-0.conda", k_md5_b),
                                   wheel("https://host/p/c-1-py3-none-any.whl", k_sha_a)};
    const Plan plan = world.plan();
    EXPECT_EQ(plan.packages[0].spec.wanted, c.of_tar_bz2) << to_string(c.choice);
    EXPECT_EQ(plan.packages[1].spec.wanted, c.of_conda) << to_string(c.choice);
    EXPECT_EQ(plan.packages[2].spec.wanted, std::vector<Format>{Format::whl});
    EXPECT_EQ(format_choice_from_string(to_string(c.choice)), c.choice);
  }
  EXPECT_FALSE(format_choice_from_string("zip").has_value());
}

TEST(Planner, TheSourcesFormatIsWantedWhereOnlyItsBytesTellTheHash) {
  World world;
  world.options.formats = FormatChoice::conda;
  world.intake.loose_packages = {package("https://host/ch/noarch/unknown-1-0.tar.bz2"),
                                 package("https://host/ch/noarch/two-1-0.tar.bz2", k_md5_a),
                                 package("https://host/ch/noarch/two-1-0.tar.bz2", k_md5_b)};
  const Plan plan = world.plan();
  EXPECT_THAT(plan.packages[0].spec.wanted, ElementsAre(Format::tar_bz2, Format::conda));
  EXPECT_THAT(plan.packages[1].spec.wanted, ElementsAre(Format::tar_bz2, Format::conda));
}

TEST(Planner, WhatIsThereIsNotNeeded) {
  World world;
  const auto whole = package("https://host/ch/noarch/a-1-0.tar.bz2", k_md5_a, 100);
  const auto half = package("https://host/ch/noarch/b-1-0.tar.bz2", k_md5_a, 100);
  const auto other = package("https://host/ch/noarch/c-1-0.tar.bz2", k_md5_a, 30);
  const auto nothing = package("https://other:8443/ch/noarch/d-1-0.conda", k_md5_a);
  world.stored(whole, Format::tar_bz2, k_md5_a);
  world.stored(whole, Format::conda, k_md5_b);
  world.stored(half, Format::tar_bz2, k_md5_a);
  world.stored(other, Format::conda, k_md5_b);
  world.intake.environments = {environment("linux-64", {whole, half, other, nothing})};
  const Plan plan = world.plan();
  EXPECT_FALSE(plan.packages[0].needed);
  EXPECT_TRUE(plan.packages[1].needed);
  EXPECT_EQ(plan.packages[1].spec.present.size(), 1U);
  EXPECT_EQ(plan.totals.present, 1U);
  // The .conda that is there can't become the source's own bytes.
  EXPECT_EQ(plan.totals.to_fetch, 2U);
  EXPECT_EQ(plan.totals.to_transmute, 1U);
  EXPECT_EQ(plan.totals.bytes_known, 30U);
  EXPECT_EQ(plan.totals.bytes_unknown, 1U);
  EXPECT_THAT(plan.requests_per_origin, ElementsAre(Pair("host", 1U), Pair("other:8443", 1U)));
}

TEST(Planner, RequestsAreCountedWhereTheyGo) {
  World world;
  world.options.origin_map = {{"https://host/ch", "https://user:pw@mirror:8080/x"},
                              {"https://disk", "file:///srv"}};
  world.intake.loose_packages = {package("https://host/ch/noarch/a-1-0.conda"),
                                 package("https://host/other/noarch/a-1-0.conda"),
                                 package("https://disk/ch/noarch/a-1-0.conda"),
                                 package("file:///ch/noarch/a-1-0.conda")};
  EXPECT_THAT(world.plan().requests_per_origin,
              ElementsAre(Pair("file://", 2U), Pair("host", 1U), Pair("mirror:8080", 1U)));
}

TEST(Planner, WhatInputsSayOfOneUrlIsJoinedAndNothingContradictoryIsLost) {
  World world;
  auto with_sha = package("https://host/ch/noarch/a-1-0.conda", k_md5_a, 5);
  with_sha.expected.sha256 = Sha256::from_hex(k_sha_a);
  auto only_sha = package("https://host/ch/noarch/a-1-0.conda");
  only_sha.expected.sha256 = Sha256::from_hex(k_sha_b);
  world.intake.loose_packages = {package("https://host/ch/noarch/a-1-0.conda"),
                                 package("https://host/ch/noarch/a-1-0.conda", {}, 5),
                                 package("https://host/ch/noarch/a-1-0.conda", k_md5_a),
                                 with_sha,
                                 package("https://host/ch/noarch/a-1-0.conda", k_md5_b),
                                 only_sha,
                                 package("https://host/ch/noarch/a-1-0.conda", {}, 7)};
  const Plan plan = world.plan();
  ASSERT_EQ(plan.packages.size(), 1U);
  EXPECT_THAT(
      plan.packages[0].spec.expected,
      ElementsAre(with_sha.expected, world.intake.loose_packages[4].expected, only_sha.expected));
}

TEST(Planner, AnObjectThatNoInputMeansIsAConflict) {
  World world;
  const auto changed = package("https://host/ch/noarch/a-1-0.conda", k_md5_a);
  const auto cut = package("https://host/ch/noarch/b-1-0.conda", k_md5_a, 101);
  const auto file = wheel("https://host/p/c-1-py3-none-any.whl", k_sha_a);
  const auto either = package("https://host/ch/noarch/d-1-0.conda", k_md5_a);
  world.stored(changed, Format::conda, k_md5_b);
  world.stored(cut, Format::conda, k_md5_a, 100);
  world.stored(file, Format::whl, k_sha_b);
  world.stored(either, Format::conda, k_md5_b);
  world.intake.environments = {environment(
      "linux-64",
      {changed, cut, file, either, package("https://host/ch/noarch/d-1-0.conda", k_md5_b)})};
  const Plan plan = world.plan();
  ASSERT_EQ(plan.packages.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(plan.packages[i].needed);
    EXPECT_THAT(plan.packages[i].conflicts,
                ElementsAre(testing::AllOf(HasSubstr("inputs say"), HasSubstr("aaaaaa"))));
  }
  EXPECT_THAT(plan.packages[3].conflicts, IsEmpty());
  EXPECT_EQ(plan.totals.present, 1U);
  EXPECT_EQ(plan.totals.to_fetch, 0U);
}

TEST(Planner, ConflictsOfTheSurveyMakeNoJobs) {
  World world;
  const auto broken = package("https://host/ch/noarch/a-1-0.tar.bz2", k_md5_a);
  world.survey[world.layout.source_prefix(broken.source)].conflicts = {"two hashes"};
  world.intake.environments = {environment("linux-64", {broken})};
  const Plan plan = world.plan();
  EXPECT_FALSE(plan.packages[0].needed);
  EXPECT_THAT(plan.packages[0].conflicts, ElementsAre("two hashes"));
  EXPECT_EQ(plan.totals.present, 0U);
  EXPECT_THAT(plan.requests_per_origin, IsEmpty());
}

TEST(Planner, LoosePackagesBelongToNoPlatform) {
  World world;
  world.intake.warnings = {"The intake's."};
  world.intake.loose_packages = {package("https://host/ch/linux-64/a-1-0.conda")};
  const Plan plan = world.plan();
  EXPECT_EQ(plan.by_platform.at(std::string(k_no_platform)).distinct, 1U);
  EXPECT_EQ(plan.totals.references, 1U);
  EXPECT_THAT(plan.packages[0].environments, IsEmpty());
  EXPECT_TRUE(plan.packages[0].needed);
  EXPECT_THAT(plan.warnings, ElementsAre("The intake's."));
}

TEST(Planner, PeopleAreToldWhatReadersWillNotFind) {
  World world;
  EnvironmentRequest exact =
      environment("linux-64", {package("https://_fake/host/noarch/a-1-0.conda", k_md5_a)});
  exact.requirement_origin = RequirementOrigin::exact_set;
  EnvironmentRequest named = exact;
  named.aliases = {"team/x:v1"};
  world.intake.environments = {exact, named};
  const Plan plan = world.plan();
  EXPECT_THAT(plan.warnings,
              ElementsAre(HasSubstr("no URL to download from"),
                          testing::AllOf(HasSubstr("1 environment "), HasSubstr("lock.yml"))));
  EXPECT_THAT(plan.requests_per_origin, IsEmpty());
}

}  // namespace
}  // namespace athanor::coordinator
