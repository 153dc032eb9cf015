#include "shared/store/aws_profile_credentials.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor {
namespace {

using Words = std::vector<std::string>;

TEST(SplitCommand, IsWhatAShellTakesForWords) {
  struct Row {
    const char* name;
    const char* text;
    std::optional<Words> words;
  };
  const Row rows[] = {
      {"plain", "a  b\tc", Words{"a", "b", "c"}},
      {"double quotes", R"("a b" c"d e"f)", Words{"a b", "cd ef"}},
      {"single quotes keep all", R"('a "b" \c')", Words{R"(a "b" \c)"}},
      {"escapes", R"(a\ b "c\"d\\e\f")", Words{"a b", R"(c"d\e\f)"}},
      {"an empty word", R"(a "" b)", Words{"a", "", "b"}},
      {"nothing", "  ", Words{}},
      {"an open quote", "a 'b", std::nullopt},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(split_command(row.text), row.words) << row.name;
  }
}

TEST(CredentialJson, WithoutKeysIsRefusedAndSaysWhere) {
  const auto none = aws_credentials_from_json(R"({"AccessKeyId":"x"})", "the place", "Token");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::rejected);
  EXPECT_THAT(none.error().message, testing::HasSubstr("the place"));
}

}  // namespace
}  // namespace athanor
