#include "shared/conda/pattern.hpp"

#include "shared/conda/match_spec.hpp"
#include "shared/conda/package_record.hpp"
#include "shared/conda/version_spec.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace athanor::test {
namespace {

using testing::HasSubstr;

PackageRecord numpy(const std::string& build) {
  PackageRecord record;
  record.name = "numpy";
  record.version = "1.26.4";
  record.build = build;
  return record;
}

TEST(Pattern, MatchesWholeTexts) {
  const Pattern pattern = must(Pattern::compile(R"(^py3(8|9)_\d+$)"));
  EXPECT_TRUE(pattern.matches("py38_0"));
  EXPECT_TRUE(pattern.matches("py39_12"));
  EXPECT_FALSE(pattern.matches("py38_"));
  EXPECT_FALSE(pattern.matches("xpy38_0"));
  EXPECT_FALSE(pattern.matches("py38_0x"));
}

TEST(Pattern, WhatIsNoneIsRefusedWithTheReason) {
  struct Row {
    const char* name;
    std::string text;
    const char* why;
  };
  for (const Row& row : {
           Row{"open", "^1", "begins with '^' and ends with '$'"},
           Row{"unclosed group", "^(1$", "no regular expression"},
           Row{"quantifiers on each other", "^(1|2)** **$", "no regular expression"},
           Row{"looking ahead", "^(?=1)1$", "no regular expression"},
           Row{"back reference", R"(^(1)\1$)", "no regular expression"},
           Row{"long", "^" + std::string(127, '1') + "$", "at most 128 bytes"},
           Row{"large when written out", "^((((a{99}){99}){99}){99})$", "no regular expression"},
       }) {
    const Result<Pattern> pattern = Pattern::compile(row.text);
    ASSERT_FALSE(pattern.ok()) << row.name;
    EXPECT_EQ(pattern.error().kind, ErrorKind::invalid) << row.name;
    EXPECT_THAT(pattern.error().message, HasSubstr(row.why)) << row.name;
  }
}

// A matcher that tries one alternative after the other would take longer than anybody lives.
TEST(Pattern, NoneKeepsTheMatcherBusy) {
  const std::string text(250, 'a');
  for (const char* const expression : {"^(a*)*b$", "^(a|a)*b$", "^(a|aa)+b$", "^((a+)+)+b$"}) {
    EXPECT_FALSE(must(Pattern::compile(expression)).matches(text)) << expression;
    EXPECT_FALSE(must(MatchSpec::parse("numpy[build='" + std::string(expression) + "']"))
                     .matches(numpy(text)))
        << expression;
  }
}

TEST(Pattern, ABuildThatIsNoneMakesARequirementInvalid) {
  const Result<MatchSpec> spec = MatchSpec::parse("numpy[build='^(py3$']");
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().kind, ErrorKind::invalid);
  EXPECT_THAT(spec.error().message, HasSubstr("no regular expression"));
}

TEST(Pattern, BuildsAreMatchedByItAndOthersByGlobs) {
  const MatchSpec expression = must(MatchSpec::parse("numpy[build='^py3(8|9)_(0|1)+$']"));
  EXPECT_TRUE(expression.matches(numpy("py38_0110")));
  EXPECT_FALSE(expression.matches(numpy("py38_2")));
  const MatchSpec glob = must(MatchSpec::parse("numpy[build=py3*_0]"));
  EXPECT_TRUE(glob.matches(numpy("py38_0")));
  EXPECT_FALSE(glob.matches(numpy("py38_1")));
}

TEST(Pattern, VersionsAreMatchedByIt) {
  const VersionSpec spec = must(VersionSpec::parse(R"(^1\.(2|3)+\.\d$)"));
  EXPECT_TRUE(spec.matches(must(Version::parse("1.23.4"))));
  EXPECT_FALSE(spec.matches(must(Version::parse("1.4.4"))));
  EXPECT_FALSE(VersionSpec::parse("^(1$").ok());
}

}  // namespace
}  // namespace athanor::test
