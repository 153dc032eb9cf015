#include "shared/json/json.hpp"

#include "shared/json/view.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

Json parsed(std::string_view text) {
  auto result = parse_json(text);
  EXPECT_TRUE(result.ok()) << result.error().to_string();
  return result.ok() ? std::move(result).value() : Json();
}

std::string failure(std::string_view text, const JsonLimits& bounds = {}) {
  const auto result = parse_json(text, bounds);
  return result.ok() ? "accepted" : result.error().message;
}

TEST(Json, KeepsTheOrderOfMembersAndTheKindsOfNumbers) {
  const std::string text = R"({"z":1,"a":[true,null,-7,18446744073709551615,1.5],"m":{}})";
  EXPECT_EQ(dump_json(parsed(text)), text);
}

TEST(Json, PythonDumpSpellsAsPythonDoes) {
  struct Case {
    const char* name;
    const char* in;
    const char* out;
  };
  // The right column is what CPython 3.11 printed for json.dumps(json.loads(left)).
  const Case cases[] = {
      {"separators", R"({"a":[1,2],"b":{}})", R"({"a": [1, 2], "b": {}})"},
      {"empty list", "[]", "[]"},
      {"non-ASCII and surrogate pair", "\"z\xc3\xbcrich \xf0\x9f\x94\xa5\"",
       R"("z\u00fcrich \ud83d\udd25")"},
      {"escapes", R"("\"\\\/\b\f\n\r\t\u0001\u007f")", R"("\"\\/\b\f\n\r\t\u0001\u007f")"},
      {"double", "[1.0, 0.1, 1e16, 1e-5, 123456789012345.6, -0.0]",
       "[1.0, 0.1, 1e+16, 1e-05, 123456789012345.6, -0.0]"},
      {"literals", "[true,false,null]", "[true, false, null]"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(python_dump(parsed(c.in)), c.out) << c.name;
  }
}

TEST(Json, BytesThatAreNotUtf8AreReplacedWhenWritten) {
  EXPECT_EQ(dump_json(Json("a\xff\xc0\xaf")), "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(python_dump(Json("\xed\xa0\x80")), R"("\ufffd\ufffd\ufffd")");
}

TEST(Json, PrettyIsIndentedAndEndsWithANewline) {
  EXPECT_EQ(dump_json_pretty(parsed(R"({"a":[1],"b":[]})")),
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": []\n}\n");
}

TEST(Json, ErrorsSayLineAndColumn) {
  EXPECT_EQ(failure("{\"a\": 1,\n  \"b\": oops}").substr(0, 27), "line 2, column 8: not JSON:");
  EXPECT_EQ(failure("").substr(0, 16), "line 1, column 1");
  EXPECT_EQ(failure(std::string_view("[1]\n\0[2]", 8)), "line 2, column 1: a NUL byte");
  EXPECT_NE(failure("[1] [2]"), "accepted");
  EXPECT_NE(failure("[1,]"), "accepted");
  EXPECT_NE(failure("NaN"), "accepted");
  EXPECT_NE(failure("\"\xff\""), "accepted");
  EXPECT_NE(failure("1e999"), "accepted");
}

TEST(Json, ANameTwiceInOneObjectIsRefused) {
  EXPECT_EQ(failure("{\"a\":1,\n\"a\":2}"),
            "line 2, column 6: the name 'a' stands twice in one object");
  EXPECT_EQ(failure(R"({"a":{"a":1}})"), "accepted");
}

TEST(Json, IntegersBeyond64BitsAreRefusedInsteadOfRounded) {
  EXPECT_NE(failure("18446744073709551616").find("doesn't fit in 64 bits"), std::string::npos);
}

TEST(Json, BoundsHoldForBytesDepthAndNodes) {
  EXPECT_NE(failure("[1,2,3]", {.bytes = 6}).find("at most 6 B"), std::string::npos);
  EXPECT_NE(failure("[[[1]]]", {.depth = 2}).find("nested deeper than 2"), std::string::npos);
  EXPECT_EQ(failure("[[1]]", {.depth = 2}), "accepted");
  EXPECT_NE(failure("[1,2,3]", {.nodes = 3}).find("more than 3 values"), std::string::npos);
  EXPECT_NE(failure(std::string(1'000'000, '[')).find("nested deeper"), std::string::npos);
}

TEST(Json, AnObjectWithManyMembersIsReadInReasonableTime) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) {
    text += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
  }
  text += "}";
  EXPECT_EQ(parsed(text).size(), 200'000U);
}

TEST(Json, ValuesKnowTheirLine) {
  const Json json = parsed("{\n\"a\": [\n1,\n\"x\"\n]}");
  const auto& items = *json.find("a")->as_array();
  EXPECT_EQ(json.line(), 1U);
  EXPECT_EQ(items[0].line(), 3U);
  EXPECT_EQ(items[1].line(), 4U);
}

TEST(Json, SetReplacesInPlaceAndAppendsWhatIsNew) {
  Json json;
  json.set("b", 1).set("a", "x").set("b", Json::array());
  EXPECT_EQ(dump_json(json), R"({"b":[],"a":"x"})");
}

TEST(Json, ComparesByValue) {
  EXPECT_EQ(parsed(R"({"a":[1,2.5,"x",null,true]})"),
            parsed(R"( {"a": [1, 2.5, "x", null, true]})"));
  EXPECT_EQ(Json(std::uint64_t{7}), Json(7));
  const Json different[] = {Json(),    Json(true), Json(false), Json(0),       Json(1),
                            Json(1.5), Json("x"),  Json(""),    Json::array(), Json::object()};
  for (std::size_t i = 0; i < std::size(different); ++i) {
    for (std::size_t j = 0; j < std::size(different); ++j) {
      EXPECT_EQ(different[i] == different[j], i == j) << i << " " << j;
    }
  }
}

TEST(JsonView, ErrorsNamePathTypeAndLine) {
  const Json json = parsed("{\"packages\": [\n{\"url\": 7}]}");
  const JsonView root(json);
  const auto items = root.member("packages").value().items();
  ASSERT_TRUE(items.ok());
  EXPECT_EQ(items.value()[0].string("url").error().message,
            "packages[0].url: expected a string, found a number (line 2)");
  EXPECT_EQ(items.value()[0].string("md5").error().message, "packages[0].md5: missing (line 2)");
  EXPECT_EQ(root.items().error().message,
            "the document: expected a list, found an object (line 1)");
}

TEST(JsonView, NullAndAbsentAreBothNothing) {
  const Json json = parsed(R"({"a":null,"n":5,"s":["x","y"]})");
  const JsonView root(json);
  EXPECT_EQ(root.optional_string("a").value(), std::nullopt);
  EXPECT_EQ(root.optional_string("b").value(), std::nullopt);
  EXPECT_EQ(root.optional_unsigned("n").value(), 5U);
  EXPECT_FALSE(root.optional_string("n").ok());
  EXPECT_EQ(root.strings("s").value(), (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(root.strings("none").value().empty());
  EXPECT_FALSE(JsonView(json, "x").strings("n").ok());
}

}  // namespace
}  // namespace athanor
