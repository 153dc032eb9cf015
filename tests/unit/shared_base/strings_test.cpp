#include "shared/base/strings.hpp"

#include <gtest/gtest.h>

#include <array>

namespace athanor {
namespace {

TEST(Strings, HexRoundTripsAndRejectsWhatIsNotHex) {
  const std::array<std::uint8_t, 3> bytes = {0x00, 0xaf, 0xff};
  EXPECT_EQ(to_hex(bytes), "00afff");
  EXPECT_EQ(from_hex("00AFff"), (std::vector<std::uint8_t>{0x00, 0xaf, 0xff}));
  EXPECT_EQ(from_hex("abc"), std::nullopt);
  EXPECT_EQ(from_hex("zz"), std::nullopt);
}

TEST(Strings, SplitKeepsEmptyParts) {
  EXPECT_EQ(split("a//b", '/'), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", '/'), (std::vector<std::string_view>{""}));
}

TEST(Strings, PrintableEscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable("\xc3\xbc\xff"), "\xc3\xbc\\xff");
  EXPECT_EQ(printable("abcdefghij", 8), "abcde...");
}

TEST(Strings, Utf8IsCheckedStrictly) {
  EXPECT_TRUE(is_utf8("z\xc3\xbcrich \xf0\x9f\x94\xa5"));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));          // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // beyond U+10FFFF
  EXPECT_FALSE(is_utf8("\xe2\x82"));          // cut off
}

TEST(Strings, ClosestSuggestsOnlyWhatIsNear) {
  const std::array<std::string, 3> verbs = {"run", "plan", "check"};
  EXPECT_EQ(closest("chekc", verbs), "check");
  EXPECT_EQ(closest("pln", verbs), "plan");
  EXPECT_EQ(closest("rnu", verbs), "run");
  EXPECT_EQ(closest("zebra", verbs), std::nullopt);
}

}  // namespace
}  // namespace athanor
