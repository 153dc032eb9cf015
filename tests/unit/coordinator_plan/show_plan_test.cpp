#include "coordinator/plan/show_plan.hpp"

#include <gtest/gtest.h>

namespace athanor::coordinator {
namespace {

Plan example() {
  Plan plan;
  PlannedPackage present;
  present.spec.source_url = "https://host/ch/noarch/a-1-0.conda";
  present.spec.fetch_url = "https://me:secret@host/ch/noarch/a-1-0.conda";
  present.spec.wanted = {Format::conda};
  present.spec.present = {{.format = Format::conda, .hash = "aa", .size = 5, .key = "k"}};
  present.environments = {0, 1};
  PlannedPackage broken = present;
  broken.spec.source_url = "https://host/ch/noarch/b-1-0.conda";
  broken.conflicts = {"the slot holds 2 hashes"};
  broken.environments = {1};
  plan.packages = {present, broken};
  PlannedEnvironment linux;
  linux.request.name = "default";
  linux.request.platform = "linux-64";
  linux.request.position.file = "lock.yml";
  linux.packages = {0};
  PlannedEnvironment mac = linux;
  mac.request.platform = "osx-arm64";
  mac.packages = {0, 1};
  plan.environments = {linux, mac};
  plan.totals = {.references = 3,
                 .distinct = 2,
                 .present = 1,
                 .to_fetch = 1'200,
                 .to_transmute = 7,
                 .bytes_known = 2'097'152,
                 .bytes_unknown = 4};
  plan.by_platform["linux-64"] = {.references = 1, .distinct = 1, .present = 1};
  plan.by_platform["osx-arm64"] = {.references = 2, .distinct = 2, .present = 1};
  plan.requests_per_origin = {{"a.example", 200}, {"b.example", 1'000}};
  plan.warnings = {"Something is odd."};
  return plan;
}

TEST(ShowPlan, IsATableForPeople) {
  EXPECT_EQ(show_plan(example()),
            R"(platform   references  distinct  present  to fetch  to transmute  bytes to fetch
linux-64            1         1        1         0             0  0 B
osx-arm64           2         2        1         0             0  0 B
all                 3         2        1      1200             7  2.0 MiB + 4 of unknown size

1 of 2 environments have all their packages in the store

requests per origin
    1000  b.example
     200  a.example

1 package(s) can't be made ready until a person has acted
  https://host/ch/noarch/b-1-0.conda
    the slot holds 2 hashes

warning: Something is odd.
)");
}

TEST(ShowPlan, AnEmptyPlanIsATableToo) {
  EXPECT_EQ(show_plan(Plan()),
            "platform  references  distinct  present  to fetch  to transmute  bytes to fetch\n"
            "all                0         0        0         0             0  0 B\n");
}

TEST(ShowPlan, JsonHoldsTheSameAndNoCredentials) {
  const Json json = plan_to_json(example());
  EXPECT_EQ(json.find("schema")->as_int(), 1);
  EXPECT_EQ(json.find("totals")->find("to_fetch")->as_uint(), 1'200U);
  EXPECT_EQ(json.find("platforms")->find("osx-arm64")->find("references")->as_uint(), 2U);
  EXPECT_EQ(json.find("requests_per_origin")->find("b.example")->as_uint(), 1'000U);
  EXPECT_EQ(json.find("environments_complete")->as_uint(), 1U);
  const Json::Array& environments = *json.find("environments")->as_array();
  ASSERT_EQ(environments.size(), 2U);
  EXPECT_EQ(environments[1].find("conflicting")->as_uint(), 1U);
  const Json::Array& packages = *json.find("packages")->as_array();
  ASSERT_EQ(packages.size(), 2U);
  EXPECT_EQ(*packages[0].find("source")->as_string(), "https://host/ch/noarch/a-1-0.conda");
  EXPECT_EQ(dump_json(json).find("secret"), std::string::npos);
}

}  // namespace
}  // namespace athanor::coordinator
