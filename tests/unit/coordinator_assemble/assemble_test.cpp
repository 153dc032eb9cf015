#include "coordinator/assemble/assemble.hpp"

#include "tests/unit/coordinator_assemble/planned_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace athanor::coordinator {
namespace {

using test::must;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

EnvironmentDescription assemble(const PlannedWorld& world, const Plan& plan,
                                std::size_t index = 0) {
  return must(Assembler(plan).assemble(index, world.results_of(plan), "now", "user"));
}

Error failure(const PlannedWorld& world, const Plan& plan, std::size_t index = 0) {
  const auto result = Assembler(plan).assemble(index, world.results_of(plan), "now", "user");
  EXPECT_FALSE(result.ok());
  EXPECT_FALSE(Assembler(plan).check(index, world.results_of(plan)).ok());
  return result.ok() ? Error{} : result.error();
}

TEST(Assemble, ADescriptionNamesEveryFormatThatIsInTheStore) {
  PlannedWorld world;
  const auto a = package("https://me:secret@host/ch/noarch/a-1-0.tar.bz2", k_md5_a);
  const auto b = package("https://host/ch/linux-64/b-1-0.conda", k_md5_b);
  world.put(b, Format::conda, k_md5_b);
  world.intake.environments = {environment("linux-64", {b, a})};
  const Plan plan = world.plan();
  world.done(a, {world.put(a, Format::tar_bz2, k_md5_a), world.put(a, Format::conda, k_md5_c)});
  const EnvironmentDescription description = assemble(world, plan);
  ASSERT_EQ(description.packages.size(), 2U);
  EXPECT_EQ(description.packages[0].filename, "b-1-0") << "installation order";
  EXPECT_EQ(description.packages[1].url, "https://host/ch/noarch/a-1-0.tar.bz2");
  EXPECT_EQ(description.packages[1].find(Format::conda)->key,
            world.layout.artifact_key(a.source, Format::conda, k_md5_c));
  EXPECT_EQ(description.packages[1].find(Format::tar_bz2)->hash, k_md5_a);
  EXPECT_EQ(description.resolved_on, "now");
  EXPECT_EQ(description.resolved_by, "user");
  EXPECT_THAT(description.resolved_archs, ElementsAre("linux-64"));
  EXPECT_EQ(write_description(description).find("secret"), std::string::npos);
}

TEST(Assemble, WhatTheInputSaysAboutWhoAndWhenIsKept) {
  PlannedWorld world;
  world.intake.environments = {environment("linux-64", {})};
  world.intake.environments[0].resolved_on = "2020-01-01T00:00:00";
  world.intake.environments[0].resolved_by = "ann";
  const EnvironmentDescription description = assemble(world, world.plan());
  EXPECT_EQ(description.resolved_on, "2020-01-01T00:00:00");
  EXPECT_EQ(description.resolved_by, "ann");
}

TEST(Assemble, AMissingFormatMeansNotReady) {
  PlannedWorld world;
  const auto a = package("https://host/ch/noarch/a-1-0.tar.bz2", k_md5_a);
  world.put(a, Format::tar_bz2, k_md5_a);
  world.intake.environments = {environment("linux-64", {a})};
  const Error error = failure(world, world.plan());
  EXPECT_EQ(error.kind, ErrorKind::not_found);
  EXPECT_THAT(error.message, HasSubstr("its .conda is not in the store"));
}

TEST(Assemble, AReferenceThatMeansOtherBytesIsNotReadyWhileAnotherOneIs) {
  PlannedWorld world;
  const auto right = package("https://host/ch/noarch/a-1-0.conda", k_md5_a);
  const auto wrong = package("https://host/ch/noarch/a-1-0.conda", k_md5_b);
  world.intake.environments = {environment("linux-64", {right}), environment("osx-64", {wrong})};
  const Plan plan = world.plan();
  world.done(right, {world.put(right, Format::conda, k_md5_a)});
  EXPECT_EQ(assemble(world, plan, 0).packages.size(), 1U);
  const Error error = failure(world, plan, 1);
  EXPECT_EQ(error.kind, ErrorKind::corrupt);
  EXPECT_THAT(error.message, HasSubstr("lock.yml:12 says md5 " + k_md5_b));
  EXPECT_THAT(error.message, HasSubstr("but the file is md5 " + k_md5_a));
}

TEST(Assemble, TheSha256OfTheFetchedBytesCountsToo) {
  PlannedWorld world;
  auto a = package("https://host/ch/noarch/a-1-0.conda", k_md5_a);
  world.intake.environments = {environment("linux-64", {a})};
  auto other = a;
  a.expected.sha256 = Sha256::from_hex(std::string(64, '1'));
  world.intake.environments.push_back(environment("osx-64", {a}));
  const Plan plan = world.plan();
  world.done(a, {world.put(a, Format::conda, k_md5_a)});
  world.results[a.source.text()].source_digest =
      Digest{.md5 = *Md5::from_hex(k_md5_a),
             .sha256 = *Sha256::from_hex(std::string(64, '2')),
             .size = 10};
  EXPECT_EQ(assemble(world, plan, 0).packages.size(), 1U);
  EXPECT_EQ(failure(world, plan, 1).kind, ErrorKind::corrupt);
}

TEST(Assemble, AConflictInTheStoreIsRejected) {
  PlannedWorld world;
  const auto a = package("https://host/ch/noarch/a-1-0.conda", k_md5_a);
  world.put(a, Format::conda, k_md5_a);
  world.put(a, Format::conda, k_md5_b);
  world.intake.environments = {environment("linux-64", {a})};
  const Error error = failure(world, world.plan());
  EXPECT_EQ(error.kind, ErrorKind::rejected);
  EXPECT_THAT(error.message, HasSubstr("2 hashes of one format"));
}

TEST(Assemble, AHashThatNobodyGaveIsTheOneThatWasFound) {
  PlannedWorld world;
  const auto known = package("https://host/ch/noarch/a-1-0.conda", k_md5_a);
  const auto unknown = package("https://host/ch/noarch/a-1-0.conda");
  world.intake.environments = {environment("linux-64", {unknown})};
  const Plan plan = world.plan();
  EXPECT_FALSE(Assembler(plan).ids(0, world.results_of(plan)).ok());
  world.done(known, {world.put(known, Format::conda, k_md5_a)});
  const auto found = must(Assembler(plan).ids(0, world.results_of(plan)));

  world.intake.environments = {environment("linux-64", {known})};
  const Plan said = world.plan();
  EXPECT_EQ(must(Assembler(said).ids(0, [](std::size_t) { return nullptr; })).full_id,
            found.full_id);
}

TEST(Assemble, OnlyTheTransmutedFormatInTheStoreStillGivesTheSameId) {
  PlannedWorld world;
  const auto a = package("https://host/ch/noarch/a-1-0.tar.bz2", k_md5_a);
  world.options.formats = FormatChoice::conda;
  world.put(a, Format::conda, k_md5_c);
  world.intake.environments = {environment("linux-64", {a})};
  const EnvironmentDescription description = assemble(world, world.plan());
  EXPECT_EQ(description.packages[0].find(Format::tar_bz2)->hash, k_md5_a);
  EXPECT_EQ(description.packages[0].find(Format::tar_bz2)->key, "");
  world.put(a, Format::tar_bz2, k_md5_a);
  EXPECT_EQ(full_id(description), full_id(assemble(world, world.plan())));
}

TEST(Assemble, EnvironmentsOfOneGroupShareTheirIdsAndRequirement) {
  PlannedWorld world;
  const auto a = package("https://host/ch/linux-64/a-1-0.conda", k_md5_a);
  const auto b = package("https://host/ch/osx-64/a-1-0.conda", k_md5_b);
  world.put(a, Format::conda, k_md5_a);
  world.put(b, Format::conda, k_md5_b);
  world.intake.environments = {environment("osx-64", {b}), environment("linux-64", {a}),
                               environment("linux-64", {a})};
  world.intake.environments[0].coresolve_group = "g";
  world.intake.environments[1].coresolve_group = "g";
  world.intake.environments[1].requirements.deps = {{"conda", {"a==2", "a==1"}}};
  const Plan plan = world.plan();
  const Assembler assembler(plan);
  const auto results = world.results_of(plan);
  const EnvironmentIds osx = must(assembler.ids(0, results));
  const EnvironmentIds linux = must(assembler.ids(1, results));
  const EnvironmentIds alone = must(assembler.ids(2, results));
  EXPECT_EQ(osx.full_id, linux.full_id);
  EXPECT_EQ(osx.req_id, linux.req_id);
  EXPECT_NE(linux.full_id, alone.full_id);
  EXPECT_EQ(osx.req_id, requirement_id({{"conda", {"a==1", "a==2"}}}, {{"conda", {"forge"}}}, {}));

  const EnvironmentDescription description = assemble(world, plan, 0);
  EXPECT_THAT(description.resolved_archs, ElementsAre("linux-64", "osx-64"));
  EXPECT_EQ(requirement_id(description.deps, description.sources, description.extras), osx.req_id);
  EXPECT_EQ(full_id(assemble(world, plan, 2)), alone.full_id);
}

TEST(Assemble, APlatformThatIsInAGroupTwiceStandsForItself) {
  PlannedWorld world;
  const auto cpu = package("https://host/ch/linux-64/a-1-cpu.conda", k_md5_a);
  const auto gpu = package("https://host/ch/linux-64/a-1-gpu.conda", k_md5_b);
  world.put(cpu, Format::conda, k_md5_a);
  world.put(gpu, Format::conda, k_md5_b);
  world.intake.environments = {environment("linux-64", {cpu}), environment("linux-64", {gpu})};
  for (EnvironmentRequest& request : world.intake.environments) {
    request.coresolve_group = "g";
  }
  const Plan plan = world.plan();
  const Assembler assembler(plan);
  EXPECT_NE(must(assembler.ids(0, world.results_of(plan))).full_id,
            must(assembler.ids(1, world.results_of(plan))).full_id);
  EXPECT_EQ(must(assembler.ids(1, world.results_of(plan))).full_id,
            full_id(assemble(world, plan, 1)));
}

TEST(Assemble, AnEnvironmentWaitsForItsJobsAndForHashesThatItsGroupMisses) {
  PlannedWorld world;
  const auto own = package("https://host/ch/linux-64/own-1-0.conda", k_md5_a);
  const auto there = package("https://host/ch/linux-64/there-1-0.conda", k_md5_b);
  const auto known = package("https://host/ch/osx-64/known-1-0.conda", k_md5_c);
  const auto unknown = package("https://host/ch/osx-64/unknown-1-0.conda");
  world.put(there, Format::conda, k_md5_b);
  world.intake.environments = {environment("linux-64", {own, there, own}),
                               environment("osx-64", {known, unknown})};
  EXPECT_THAT(Assembler(world.plan()).packages_to_wait_for(0), ElementsAre(0U));
  for (EnvironmentRequest& request : world.intake.environments) {
    request.coresolve_group = "g";
  }
  const Plan plan = world.plan();
  EXPECT_THAT(Assembler(plan).packages_to_wait_for(0), ElementsAre(0U, 3U));
  EXPECT_THAT(Assembler(plan).packages_to_wait_for(1), ElementsAre(2U, 3U));
  EXPECT_FALSE(Assembler(plan).is_complete(0));
  world.put(own, Format::conda, k_md5_a);
  EXPECT_TRUE(Assembler(world.plan()).is_complete(0));
}

TEST(Assemble, TimesAreSpelledAsPythonSpellsThem) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  const WallTime begin{seconds(1'769'821'323)};
  EXPECT_EQ(python_isoformat(begin), "2026-01-31T01:02:03");
  EXPECT_EQ(python_isoformat(begin + microseconds(456'789)), "2026-01-31T01:02:03.456789");
  EXPECT_EQ(python_isoformat(begin + microseconds(7)), "2026-01-31T01:02:03.000007");
  EXPECT_EQ(python_isoformat(WallTime{seconds(-1)} + microseconds(1)),
            "1969-12-31T23:59:59.000001");
}

}  // namespace
}  // namespace athanor::coordinator
