#include "coordinator/check/check.hpp"

#include "coordinator/assemble/publish.hpp"
#include "tests/unit/coordinator_assemble/planned_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace athanor::coordinator {
namespace {

using test::must;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A store with two published environments; tests break it.
class Check : public testing::Test {
 protected:
  Check() {
    world_.put(shared_, Format::tar_bz2, k_md5_a);
    world_.put(shared_, Format::conda, k_md5_c);
    world_.put(other_, Format::conda, k_md5_b);
    world_.intake.environments = {environment("linux-64", {shared_, other_}),
                                  environment("osx-64", {shared_})};
    world_.intake.environments[0].aliases = {"x:v1"};
    const Plan plan = world_.plan();
    EnvironmentPublisher publisher(world_.store, world_.layout, plan, world_.clock,
                                   {.user = "user"});
    for (std::size_t i = 0; i < 2; ++i) {
      keys_.push_back(must(publisher.publish(i, world_.results_of(plan))));
    }
  }

  CheckReport requests() {
    return must(check_requests(world_.store, world_.layout, world_.intake));
  }
  CheckReport all() { return must(check_all(world_.store, world_.layout)); }
  void remove(const std::string& key) { must(world_.store.remove(key)); }
  void put(const std::string& key, const std::string& bytes) {
    must(world_.store.put(key, ObjectSource::from_bytes(bytes), std::nullopt));
  }
  std::string key_of(const PackageReference& reference, Format format, const std::string& hash) {
    return world_.layout.artifact_key(reference.source, format, hash);
  }

  PlannedWorld world_;
  PackageReference shared_ = package("https://host/ch/noarch/a-1-0.tar.bz2", k_md5_a);
  PackageReference other_ = package("https://host/ch/linux-64/b-1-0.conda", k_md5_b);
  std::vector<std::vector<std::string>> keys_;
};

TEST_F(Check, APublishedEnvironmentStarts) {
  for (const CheckReport& report : {requests(), all()}) {
    EXPECT_EQ(report.environments.size(), 2U);
    EXPECT_TRUE(report.all_ready()) << show_check(report);
  }
  EXPECT_EQ(requests().environments[0].key, keys_[0][0]);
  EXPECT_EQ(show_check(all()), "2 of 2 environments start with zero downloads from the web\n");
}

TEST_F(Check, WhatKeepsAnEnvironmentFromStartingIsSaid) {
  struct Case {
    const char* name;
    std::function<void()> break_it;
    const char* words;
    std::size_t ready;
  };
  const std::string conda = key_of(shared_, Format::conda, k_md5_c);
  const std::string slot = conda.substr(0, conda.find(k_md5_c));
  const Case cases[] = {
      {"an object is gone", [&] { remove(key_of(other_, Format::conda, k_md5_b)); },
       "is not in the store", 1},
      {"an object is empty", [&] { put(key_of(other_, Format::conda, k_md5_b), ""); }, "is empty",
       1},
      {"a second hash in a slot that both use",
       [&] { put(key_of(shared_, Format::conda, k_md5_b), "other"); }, "2 hashes of one format", 0},
      {"an object under another hash than described",
       [&] {
         remove(conda);
         put(key_of(shared_, Format::conda, k_md5_b), "other");
       },
       "inconsistent cache information", 0},
      {"a file where folders belong", [&] { put(slot + "sha256", "x"); }, "only folders", 0},
      {"the description is damaged", [&] { put(keys_[0][0], "{"); }, "can't be read", 1},
      {"the description names nothing",
       [&] {
         std::string text = world_.store.objects().at(keys_[0][0]);
         const std::size_t begin = text.rfind(", \"cache_info\"");
         text.erase(begin, text.find("}}", begin) + 2 - begin);
         put(keys_[0][0], text);
       },
       "names no object", 1},
  };
  const auto whole = world_.store.objects();
  for (const Case& c : cases) {
    c.break_it();
    for (const CheckReport& report : {requests(), all()}) {
      EXPECT_EQ(report.ready(), c.ready) << c.name << "\n" << show_check(report);
      EXPECT_THAT(show_check(report), HasSubstr(c.words)) << c.name;
    }
    for (const auto& [key, bytes] : world_.store.objects()) {
      if (!whole.contains(key)) {
        remove(key);
      }
    }
    for (const auto& [key, bytes] : whole) {
      put(key, bytes);
    }
  }
}

TEST_F(Check, AnEnvironmentThatNobodyPublishedIsNotDescribed) {
  world_.intake.environments[1].requirements.deps = {{"conda", {"b"}}};
  world_.intake.environments.push_back(
      environment("linux-64", {package("https://host/ch/noarch/new-1-0.conda")}));
  const CheckReport report = requests();
  EXPECT_EQ(report.ready(), 1U);
  EXPECT_THAT(report.environments[1].reasons, ElementsAre(HasSubstr("it is not described")));
  EXPECT_THAT(
      report.environments[2].reasons,
      ElementsAre(HasSubstr("new-1-0.conda is not in the store"), HasSubstr("hash is not known")));
}

TEST_F(Check, AliasesMustLeadToTheEnvironment) {
  world_.intake.environments[0].aliases = {"x:v1", "x:v2"};
  world_.intake.environments[1].aliases = {"x:v1"};
  const CheckReport report = requests();
  EXPECT_THAT(report.environments[0].reasons, ElementsAre(HasSubstr("'x:v2' is not in the store")));
  EXPECT_THAT(report.environments[1].reasons, ElementsAre(HasSubstr("leads to another")));
}

TEST_F(Check, AnAliasThatLeadsNowhereIsAProblemOfTheStore) {
  remove(keys_[0][0]);
  put("envs/aliases/generic/broken/v1", "[]");
  const CheckReport report = all();
  EXPECT_EQ(report.ready(), 1U);
  EXPECT_FALSE(report.all_ready());
  EXPECT_THAT(report.problems, Contains(HasSubstr("'envs/aliases/generic/x/v1' leads to")));
  EXPECT_THAT(report.problems, Contains(HasSubstr("broken/v1' can't be read")));
}

TEST_F(Check, PackagesOfUrlListsAreCheckedToo) {
  world_.intake.environments.clear();
  world_.intake.loose_packages = {shared_, package("https://host/ch/noarch/new-1-0.conda")};
  const CheckReport report = requests();
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("new-1-0.conda is not in the store")));
  EXPECT_FALSE(report.all_ready());
}

TEST_F(Check, JsonSaysTheSame) {
  remove(key_of(other_, Format::conda, k_md5_b));
  const Json json = check_to_json(all());
  EXPECT_EQ(json.find("schema")->as_int(), 1);
  EXPECT_EQ(json.find("ready")->as_uint(), 1U);
  EXPECT_EQ(json.find("of")->as_uint(), 2U);
  EXPECT_EQ(json.find("environments")->size(), 2U);
}

}  // namespace
}  // namespace athanor::coordinator
