#include "shared/net/mirrors.hpp"

#include "shared/net/content_range.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor {
namespace {

using testing::ElementsAre;

TEST(Mirrors, AreSpelledAsPrefixesWithWeights) {
  EXPECT_THAT(
      test::must(parse_mirrors(" https://a/c weight=3\n https://b/c weight=1 oci://g/m/c ")),
      ElementsAre(Mirror{"https://a/c", 3}, Mirror{"https://b/c", 1}, Mirror{"oci://g/m/c", 0}));
  EXPECT_THAT(test::must(parse_mirrors("")), ElementsAre());
  for (const char* bad : {"weight=3", "https://a/c weight=0", "https://a/c weight=1001",
                          "https://a/c weight=x", "https://a/c weight=1 weight=2", "nowhere"}) {
    const auto parsed = parse_mirrors(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid) << bad;
  }
}

TEST(Mirrors, StandInTheirOrderAndTheSourceItselfComesLastUnlessItHasAPlace) {
  Random random(1);
  const MirrorMap map = {{"https://c.example/main", "https://a/m https://b/m/"},
                         {"https://c.example/main/noarch", "https://n/x"},
                         {"https://d.example", "https://d.example https://a/d"}};
  EXPECT_THAT(mirror_urls(map, "https://c.example/main/linux-64/x.conda", random),
              ElementsAre("https://a/m/linux-64/x.conda", "https://b/m/linux-64/x.conda",
                          "https://c.example/main/linux-64/x.conda"));
  EXPECT_THAT(mirror_urls(map, "https://c.example/main/noarch/x.conda", random),
              ElementsAre("https://n/x/x.conda", "https://c.example/main/noarch/x.conda"));
  EXPECT_THAT(mirror_urls(map, "https://d.example/x.conda", random),
              ElementsAre("https://d.example/x.conda", "https://a/d/x.conda"));
  EXPECT_THAT(mirror_urls(map, "https://e.example/x.conda", random),
              ElementsAre("https://e.example/x.conda"));
}

TEST(Mirrors, OfOneRankAreAskedFirstAsOftenAsTheirWeightSays) {
  Random random(7);
  const MirrorMap map = {{"https://c", "https://first https://a weight=3 https://b weight=1"}};
  int first_is_a = 0;
  constexpr int k_draws = 4000;
  for (int i = 0; i < k_draws; ++i) {
    const auto urls = mirror_urls(map, "https://c/x", random);
    ASSERT_EQ(urls.size(), 4U);
    EXPECT_EQ(urls[0], "https://first/x");
    EXPECT_NE(urls[1], urls[2]);
    first_is_a += urls[1] == "https://a/x" ? 1 : 0;
  }
  EXPECT_NEAR(first_is_a, k_draws * 3 / 4, k_draws / 40);
}

TEST(ContentRange, IsReadAsTheStandardSpellsIt) {
  EXPECT_EQ(parse_content_range("bytes 200-999/1000"), (ContentRange{200, 999, 1000}));
  EXPECT_EQ(parse_content_range(" Bytes 0-0/* "), (ContentRange{0, 0, std::nullopt}));
  for (const char* bad :
       {"", "bytes", "bytes */1000", "bytes 5-4/10", "bytes 0-10/10", "items 0-1/2", "bytes -1-2/3",
        "bytes 0-1", "bytes 0-1/x", "bytes 0-18446744073709551616/*"}) {
    EXPECT_EQ(parse_content_range(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace athanor
