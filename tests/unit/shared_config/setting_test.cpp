#include "shared/config/setting.hpp"

#include "shared/config/settings.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace athanor::config {
namespace {

using test::must;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const Origin k_file{Layer::project_file, "athanor.toml:4"};
const Origin k_variable{Layer::environment, "ATHANOR_WORKERS"};
const Origin k_flag{Layer::flag, "--workers"};

TEST(Setting, AStrongerLayerReplacesAndTheWeakerValueIsRemembered) {
  Settings settings;
  must(settings.workers.assign_json(16, k_file));
  must(settings.workers.assign_text("32", k_flag));
  EXPECT_EQ(*settings.workers, 32U);
  EXPECT_EQ(settings.workers.origin().where, "--workers");
  ASSERT_EQ(settings.workers.overridden().size(), 1U);
  EXPECT_EQ(settings.workers.overridden()[0].origin.where, "athanor.toml:4");
  EXPECT_EQ(settings.workers.overridden()[0].value, Json(16));
}

TEST(Setting, AWeakerLayerThatComesLaterDoesNotReplace) {
  Settings settings;
  must(settings.workers.assign_text("32", k_flag));
  must(settings.workers.assign_text("8", k_variable));
  EXPECT_EQ(*settings.workers, 32U);
  EXPECT_EQ(settings.workers.origin().layer, Layer::flag);
  EXPECT_EQ(settings.workers.overridden()[0].origin.where, "ATHANOR_WORKERS");
}

TEST(Setting, AWeakerLayerIsCheckedEvenWhenItLoses) {
  Settings settings;
  must(settings.workers.assign_text("32", k_flag));
  EXPECT_FALSE(settings.workers.assign_text("many", k_variable));
}

TEST(Setting, ListsReplaceListsButGrowWithinTheFlags) {
  Settings settings;
  must(settings.platforms.assign_json(Json(Json::Array{"osx-64"}), k_file));
  must(settings.platforms.assign_text("linux-64", Origin{Layer::flag, "--platform"}));
  must(
      settings.platforms.assign_text("linux-aarch64,osx-arm64", Origin{Layer::flag, "--platform"}));
  EXPECT_THAT(*settings.platforms, ElementsAre("linux-64", "linux-aarch64", "osx-arm64"));
}

TEST(Setting, MapsMergeEntryByEntryAndEveryEntryKeepsItsOrigin) {
  Settings settings;
  must(settings.origin_map.assign_text("https://a/=http://flag/", Origin{Layer::flag, "--origin"}));
  must(settings.origin_map.assign_json(
      Json::object({{"https://a/", "http://file/"}, {"https://b/", "http://file-b/"}}), k_file));
  EXPECT_THAT(*settings.origin_map, ElementsAre(Pair("https://a/", "http://flag/"),
                                                Pair("https://b/", "http://file-b/")));
  EXPECT_EQ(settings.origin_map.entry_origins()->at("https://a/").where, "--origin");
  EXPECT_EQ(settings.origin_map.entry_origins()->at("https://b/").where, "athanor.toml:4");
}

struct WrongValue {
  const char* name;
  const char* setting;
  Json value;
  const char* says;
};

class SettingRefuses : public testing::TestWithParam<WrongValue> {};

TEST_P(SettingRefuses, AndSaysWhereAndWhatWasExpected) {
  Settings settings;
  const auto refused = settings.find(GetParam().setting)->assign_json(GetParam().value, k_file);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("athanor.toml:4"));
  EXPECT_THAT(refused.error().message, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Values, SettingRefuses,
    testing::Values(
        WrongValue{"type", "work.workers", "four", "expected a whole number, got a string"},
        WrongValue{"negative", "work.workers", -1, "expected a whole number"},
        WrongValue{"too_high", "work.workers", 5000, "5000 is not between 0 and 1024"},
        WrongValue{"choice", "formats.format", "cnoda",
                   "'cnoda' is none of default, source, conda"},
        WrongValue{"list", "input.platforms", "linux-64", "expected a list of strings"},
        WrongValue{"list_item", "input.platforms", Json::Array{1}, "a list with a number"},
        WrongValue{"map", "origins.map", Json::Array{}, "expected a table of strings"},
        WrongValue{"boolean", "origins.allow_file_urls", "yes", "expected true or false"},
        WrongValue{"duration", "talk.heartbeat", "30", "expected a duration"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Setting, AWrongChoiceIsAnsweredWithTheNearestOne) {
  Settings settings;
  EXPECT_EQ(settings.format.assign_text("cond", k_variable).error().hint, "did you mean 'conda'?");
}

TEST(Setting, DurationsAreReadAndSpelled) {
  using std::chrono::milliseconds;
  EXPECT_EQ(parse_duration("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("1s250ms"), milliseconds(1'250));
  for (const char* wrong : {"", "1", "m", "1m1h", "1x", "1s1s", "99999999999999h", "-1s", "1.5s"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
  for (const char* text : {"0s", "1h", "1h30m", "59s", "1s1ms", "250ms"}) {
    EXPECT_EQ(spell_duration(*parse_duration(text)), text);
  }
}

}  // namespace
}  // namespace athanor::config
