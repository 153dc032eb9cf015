#include "coordinator/assemble/publish.hpp"

#include "tests/unit/coordinator_assemble/planned_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor::coordinator {
namespace {

using test::must;
using testing::HasSubstr;

class Publish : public testing::Test {
 protected:
  Publish() {
    world_.put(package_, Format::tar_bz2, k_md5_a);
    world_.put(package_, Format::conda, k_md5_c);
    world_.intake.environments = {environment("linux-64", {package_})};
  }

  Result<std::vector<std::string>> publish(bool look_ahead = false) {
    const Plan plan = world_.plan();
    EnvironmentPublisher publisher(world_.store, world_.layout, plan, world_.clock,
                                   {.user = "user"});
    if (look_ahead) {
      must(publisher.look_ahead());
    }
    return publisher.publish(0, world_.results_of(plan));
  }

  void aliases(std::vector<std::string> names) {
    world_.intake.environments[0].aliases = std::move(names);
  }
  void ask_for(const char* spec) {
    world_.intake.environments[0].requirements.deps = {{"conda", {spec}}};
  }
  std::string content(const std::string& key) { return world_.store.objects().at(key); }
  void overwrite(const std::string& key, std::string bytes) {
    must(world_.store.put(key, ObjectSource::from_bytes(std::move(bytes)), std::nullopt));
  }

  PlannedWorld world_;
  PackageReference package_ = package("https://host/ch/noarch/a-1-0.tar.bz2", k_md5_a);
};

TEST_F(Publish, PutsDescriptionThenAliases) {
  aliases({"team/x:v1", "team/x"});
  const auto keys = must(publish());
  ASSERT_EQ(keys.size(), 4U);
  const auto ids = world_.layout.parse_environment_key(keys[0]);
  ASSERT_TRUE(ids.has_value());
  EXPECT_EQ(keys[1], world_.layout.full_id_alias_key(ids->full_id));
  EXPECT_EQ(keys[2], "envs/aliases/generic/team/x/v1");
  EXPECT_EQ(keys[3], "envs/aliases/generic/team/x/latest");
  const EnvironmentDescription described = must(read_description(content(keys[0]), "linux-64"));
  EXPECT_EQ(described.resolved_on, "2026-01-31T01:02:03");
  EXPECT_EQ(full_id(described), ids->full_id);
  for (std::size_t i = 1; i < keys.size(); ++i) {
    EXPECT_EQ(content(keys[i]), write_alias(ids->req_id, ids->full_id));
  }
}

TEST_F(Publish, ASecondTimeChangesNothingThoughTimeHasPassed) {
  aliases({"x:v1", "x:latest"});
  const auto keys = must(publish());
  const auto before = world_.store.objects();
  world_.clock.advance(std::chrono::hours(1));
  EXPECT_EQ(must(publish()), keys);
  EXPECT_EQ(must(publish(true)), keys);
  EXPECT_EQ(world_.store.objects(), before);
}

TEST_F(Publish, NothingIsPutWhileAPackageIsMissing) {
  world_.intake.environments[0].packages.push_back(
      package("https://host/ch/noarch/b-1-0.conda", k_md5_b));
  const auto before = world_.store.objects();
  const auto result = publish();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::not_found);
  EXPECT_EQ(world_.store.objects(), before);
}

TEST_F(Publish, AnAliasThatMayNotMoveIsRefusedAndNamesItsTarget) {
  aliases({"x:v1"});
  const auto first = must(publish());
  const std::string target = content(first[2]);
  ask_for("a==2");
  const auto second = publish();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::rejected);
  EXPECT_THAT(second.error().message,
              HasSubstr(world_.layout.parse_environment_key(first[0])->req_id));
  EXPECT_EQ(content(first[2]), target);
}

TEST_F(Publish, AMutableAliasMoves) {
  aliases({"x:stable"});
  const auto first = must(publish());
  const std::string before = content(first[2]);
  ask_for("a==2");
  const auto second = must(publish());
  EXPECT_EQ(second[2], first[2]);
  EXPECT_NE(content(second[2]), before);
}

TEST_F(Publish, TheFirstRequirementKeepsTheAliasOfTheFullId) {
  const auto first = must(publish());
  const std::string before = content(first[1]);
  ask_for("a==2");
  const auto second = must(publish());
  EXPECT_NE(second[0], first[0]);
  EXPECT_EQ(second[1], first[1]);
  EXPECT_EQ(content(second[1]), before);
}

TEST_F(Publish, AnAliasThatReadersRefuseStopsEverything) {
  aliases({"Bad:1"});
  const auto before = world_.store.objects();
  const auto result = publish();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::invalid);
  EXPECT_EQ(world_.store.objects(), before);
}

TEST_F(Publish, ADamagedDescriptionThatIsThereIsNotTakenForOurs) {
  const auto keys = must(publish());
  overwrite(keys[0], content(keys[0]).substr(0, 100));
  const auto result = publish();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::rejected);
  EXPECT_THAT(result.error().message, HasSubstr("damaged"));
}

TEST_F(Publish, ADescriptionThatNamesWhatIsGoneIsNotTakenForOurs) {
  const auto keys = must(publish());
  // The transmuted object was removed, and made anew by another writer with other bytes.
  must(world_.store.remove(world_.layout.artifact_key(package_.source, Format::conda, k_md5_c)));
  world_.put(package_, Format::conda, k_md5_b);
  const auto result = publish();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::rejected);
  EXPECT_THAT(result.error().message, HasSubstr(k_md5_c));
  EXPECT_THAT(result.error().hint, HasSubstr("remove"));
}

}  // namespace
}  // namespace athanor::coordinator
