#include "shared/cli/options.hpp"

#include "shared/config/settings.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace athanor::cli {
namespace {

using test::must;
using testing::ElementsAre;
using testing::HasSubstr;

using Arguments = std::vector<std::string>;

class OptionTableTest : public testing::Test {
 protected:
  OptionTableTest() {
    table_.add({.name = "json", .help = "x"}, json_);
    table_.add({.name = "verbose", .letter = 'v', .help = "x"}, verbose_);
    table_.add({.name = "store", .letter = 's', .value_name = "URL", .help = "x"}, store_);
    table_.add({.name = "to", .value_name = "F", .help = "x", .choices = {"conda", "tar.bz2"}},
               to_);
    table_.add({.name = "origin", .value_name = "M", .help = "x"}, origins_);
    table_.add({.name = "jobs", .letter = 'j', .value_name = "N", .help = "x"}, jobs_);
    table_.positionals({.name = "INPUT", .at_least = 1, .at_most = 3}, inputs_);
  }

  Error refused(const Arguments& arguments) {
    const auto parsed = table_.parse(arguments);
    EXPECT_FALSE(parsed);
    return parsed ? Error{} : parsed.error();
  }

  OptionTable table_;
  bool json_ = false;
  int verbose_ = 0;
  std::string store_;
  std::string to_;
  std::vector<std::string> origins_;
  std::optional<std::uint64_t> jobs_;
  std::vector<std::string> inputs_;
};

TEST_F(OptionTableTest, OptionsAndPositionalsMayBeMixedInEverySpelling) {
  must(table_.parse(Arguments{"a.yml", "--store=/s", "-vv", "b.yml", "-j4", "--json", "-v", "-"}));
  EXPECT_THAT(inputs_, ElementsAre("a.yml", "b.yml", "-"));
  EXPECT_EQ(store_, "/s");
  EXPECT_EQ(verbose_, 3);
  EXPECT_EQ(jobs_, 4U);
  EXPECT_TRUE(json_);
}

TEST_F(OptionTableTest, RepeatableOptionsKeepTheirOrderAndOthersTakeTheLast) {
  must(table_.parse(
      Arguments{"--origin", "b", "--origin", "a", "--store", "/1", "--store", "/2", "x"}));
  EXPECT_THAT(origins_, ElementsAre("b", "a"));
  EXPECT_EQ(store_, "/2");
}

TEST_F(OptionTableTest, AfterTwoDashesEverythingIsAnInput) {
  must(table_.parse(Arguments{"--json", "--", "--store", "-v"}));
  EXPECT_THAT(inputs_, ElementsAre("--store", "-v"));
  EXPECT_TRUE(store_.empty());
}

TEST_F(OptionTableTest, AnUnknownOptionIsAnsweredWithTheNearestOne) {
  const Error error = refused({"--sotre=/x", "a"});
  EXPECT_EQ(error.kind, ErrorKind::invalid);
  EXPECT_EQ(error.message, "unknown option '--sotre'");
  EXPECT_EQ(error.hint, "did you mean '--store'?");
}

TEST_F(OptionTableTest, AValueOfTheUnknownOptionIsNotBlamed) {
  EXPECT_EQ(refused({"a", "--frobnicate", "b"}).message, "unknown option '--frobnicate'");
}

TEST_F(OptionTableTest, WhatIsMissingOrTooMuchIsNamed) {
  EXPECT_EQ(refused({}).message, "missing argument INPUT");
  EXPECT_EQ(refused({"a", "b", "c", "d"}).message, "unexpected argument 'd'");
  EXPECT_THAT(refused({"a", "--store"}).message, HasSubstr("--store"));
  EXPECT_THAT(refused({"a", "--json=maybe"}).message, HasSubstr("json"));
}

TEST_F(OptionTableTest, AValueThatIsNoneOfTheChoicesIsRefusedWithThem) {
  const Error error = refused({"a", "--to", "codna"});
  EXPECT_EQ(error.message, "--to: 'codna' is none of conda, tar.bz2");
  EXPECT_EQ(error.hint, "did you mean 'conda'?");
}

TEST_F(OptionTableTest, NumbersAreWholeAndNotNegative) {
  for (const char* wrong : {"x", "1.5", "", "0x10", "99999999999999999999"}) {
    EXPECT_THAT(refused({"a", std::string("--jobs=") + wrong}).message, HasSubstr("--jobs"))
        << wrong;
  }
}

TEST_F(OptionTableTest, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(refused({"a", "--\x1b[31mred"}).message.find('\x1b'), std::string::npos);
}

TEST(OptionTable, AFlagIsTheOriginOfItsSetting) {
  config::Settings settings;
  OptionTable table;
  table.add({.name = "workers", .value_name = "N"}, settings.workers);
  table.add({.name = "platform", .value_name = "P"}, settings.platforms);
  table.add({.name = "allow-file-urls"}, settings.allow_file_urls);
  must(table.parse(Arguments{"--workers", "3", "--platform=linux-64", "--platform=osx-64",
                             "--allow-file-urls"}));
  EXPECT_EQ(*settings.workers, 3U);
  EXPECT_EQ(settings.workers.origin().where, "--workers");
  EXPECT_THAT(*settings.platforms, ElementsAre("linux-64", "osx-64"));
  EXPECT_TRUE(*settings.allow_file_urls);
}

TEST(OptionTable, AWrongValueForASettingNamesTheFlagOnce) {
  config::Settings settings;
  OptionTable table;
  table.add({.name = "workers", .value_name = "N"}, settings.workers);
  EXPECT_EQ(table.parse(Arguments{"--workers", "x"}).error().message,
            "--workers: work.workers: expected a whole number, got 'x'");
}

}  // namespace
}  // namespace athanor::cli
