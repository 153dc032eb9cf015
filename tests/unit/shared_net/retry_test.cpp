#include "shared/net/retry.hpp"

#include "shared/net/http_date.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace athanor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const WallTime k_then = WallTime(seconds(784'111'777));  // Sun, 06 Nov 1994 08:49:37 GMT

TEST(RetryDelay, GrowsTwofoldUpToTheCapAndIsSpreadOverTheWholeRange) {
  const RetryPolicy policy{.base = milliseconds(100), .cap = milliseconds(1000)};
  struct Row {
    const char* name;
    unsigned attempt;
    milliseconds most;
  };
  const Row rows[] = {{"first", 1, milliseconds(100)},
                      {"second", 2, milliseconds(200)},
                      {"fourth", 4, milliseconds(800)},
                      {"capped", 5, milliseconds(1000)},
                      {"far beyond", 4'000'000'000U, milliseconds(1000)}};
  for (const Row& row : rows) {
    Random random(7);
    milliseconds least = milliseconds::max();
    milliseconds most = milliseconds::min();
    for (int i = 0; i < 2000; ++i) {
      const auto delay = retry_delay(policy, row.attempt, random);
      least = std::min(least, delay);
      most = std::max(most, delay);
    }
    EXPECT_LE(most, row.most) << row.name;
    EXPECT_GT(most, row.most * 9 / 10) << row.name;
    EXPECT_LT(least, row.most / 10) << row.name;
    EXPECT_GE(least, milliseconds(0)) << row.name;
  }
}

TEST(RetryDelay, AServersWishIsHonouredWithinTheCap) {
  const RetryPolicy policy{.base = milliseconds(100), .retry_after_cap = seconds(60)};
  Random random(7);
  for (int i = 0; i < 100; ++i) {
    const auto asked = retry_delay(policy, 1, random, seconds(5));
    EXPECT_GE(asked, seconds(5));
    EXPECT_LE(asked, milliseconds(5100));
    EXPECT_LE(retry_delay(policy, 1, random, std::chrono::hours(9)), milliseconds(60'100));
    EXPECT_GE(retry_delay(policy, 1, random, seconds(-5)), milliseconds(0));
  }
}

TEST(RetryDelay, IsReproducedByItsSeed) {
  Random one(1);
  Random two(1);
  for (unsigned i = 1; i < 20; ++i) {
    EXPECT_EQ(retry_delay({}, i, one), retry_delay({}, i, two));
  }
}

TEST(RetryAfter, SecondsAndDatesAreUnderstood) {
  struct Row {
    const char* value;
    std::optional<milliseconds> expected;
  };
  const Row rows[] = {
      {"0", milliseconds(0)},
      {"120", seconds(120)},
      {" 7 ", seconds(7)},
      {"99999999999999999999", std::chrono::hours(24 * 365)},
      {"Sun, 06 Nov 1994 08:49:47 GMT", seconds(10)},
      {"Sunday, 06-Nov-94 08:49:47 GMT", seconds(10)},
      {"Sun Nov  6 08:49:47 1994", seconds(10)},
      {"Sun, 06 Nov 1994 08:00:00 GMT", milliseconds(0)},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"1.5", std::nullopt},
      {"soon", std::nullopt},
      {"Sun, 31 Feb 1994 08:49:47 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 25:49:47 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:47 CET", std::nullopt},
      {"Sun, - Nov 1994 08:49:47 GMT", std::nullopt},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(parse_retry_after(row.value, k_then), row.expected) << row.value;
  }
}

TEST(Dates, AreWrittenAsTheyAreRead) {
  EXPECT_EQ(format_http_date(k_then), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date(format_http_date(k_then)), k_then);
  EXPECT_EQ(format_compact_date(k_then), "19941106T084937Z");
  EXPECT_EQ(format_iso_date(k_then), "1994-11-06T08:49:37Z");
  EXPECT_EQ(parse_iso_date("1994-11-06T08:49:37Z"), k_then);
  EXPECT_EQ(parse_iso_date("1994-11-06T08:49:37.123456Z"), k_then);
  EXPECT_EQ(parse_iso_date("1994-11-06T09:49:37+01:00"), k_then);
  EXPECT_EQ(parse_iso_date("1994-11-06T09:49:37"), std::nullopt);
  EXPECT_EQ(parse_iso_date("1994-11-06 nonsense!!"), std::nullopt);
}

TEST(StatusError, SaysWhatTheCallerMayDo) {
  struct Row {
    int status;
    ErrorKind kind;
  };
  const Row rows[] = {
      {404, ErrorKind::not_found}, {410, ErrorKind::not_found}, {401, ErrorKind::rejected},
      {403, ErrorKind::rejected},  {407, ErrorKind::rejected},  {408, ErrorKind::retry},
      {429, ErrorKind::retry},     {500, ErrorKind::retry},     {503, ErrorKind::retry},
      {501, ErrorKind::rejected},  {418, ErrorKind::rejected},  {302, ErrorKind::rejected}};
  for (const Row& row : rows) {
    HttpResponse response;
    response.status = row.status;
    const Error error = status_error(response, "fetching 'x'");
    EXPECT_EQ(error.kind, row.kind) << row.status;
    EXPECT_NE(error.message.find("fetching 'x'"), std::string::npos);
    EXPECT_NE(error.message.find(std::to_string(row.status)), std::string::npos);
  }
}

TEST(Sleeper, AStopEndsTheWaitAtOnce) {
  std::stop_source source;
  source.request_stop();
  const auto began = std::chrono::steady_clock::now();
  const auto result = real_sleeper()(std::chrono::hours(1), source.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::canceled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::minutes(1));
  EXPECT_TRUE(real_sleeper()(milliseconds(0), {}));
}

}  // namespace
}  // namespace athanor
