#include "shared/json/lenient.hpp"

#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor::test {
namespace {

TEST(LenientJson, WhatIsThereIsGivenAndWhatIsntOrIsOtherwiseIsEmpty) {
  const Json object = must(parse_json(
      R"({"n": 7, "t": "seven", "l": [1, 2], "o": {"n": 8}, "negative": -1, "null": null})"));
  EXPECT_EQ(uint_or_zero(object, "n"), 7U);
  EXPECT_EQ(text_or_empty(object, "t"), "seven");
  EXPECT_EQ(items_or_none(object, "l").size(), 2U);
  EXPECT_EQ(uint_or_zero(object_or_empty(object, "o"), "n"), 8U);
  for (const char* const key : {"absent", "negative", "null"}) {
    EXPECT_EQ(uint_or_zero(object, key), 0U) << key;
    EXPECT_EQ(text_or_empty(object, key), "") << key;
    EXPECT_TRUE(items_or_none(object, key).empty()) << key;
    EXPECT_EQ(uint_or_zero(object_or_empty(object, key), "n"), 0U) << key;
  }
  EXPECT_EQ(text_or_empty(object, "n"), "");
  EXPECT_EQ(uint_or_zero(object, "t"), 0U);
  EXPECT_TRUE(items_or_none(object, "o").empty());
  EXPECT_EQ(uint_or_zero(object_or_empty(object, "l"), "n"), 0U);
}

}  // namespace
}  // namespace athanor::test
