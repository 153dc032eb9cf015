#include "shared/net/origin_map.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

TEST(OriginMap, TheLongestPrefixOfWholeSegmentsWins) {
  const OriginMap map = {{"https://repo.example", "https://mirror.example/repo"},
                         {"https://repo.example/pkgs/main/", "file:///srv/main"},
                         {"https://other.example/x", "https://y.example/"}};
  struct Case {
    const char* url;
    std::optional<std::string> mapped;
  };
  const Case cases[] = {
      {"https://repo.example/a/b.conda", "https://mirror.example/repo/a/b.conda"},
      {"https://repo.example/pkgs/main/noarch/b.conda", "file:///srv/main/noarch/b.conda"},
      {"https://repo.example/pkgs/main2/b.conda", "https://mirror.example/repo/pkgs/main2/b.conda"},
      {"https://repo.example.org/a.conda", std::nullopt},
      {"https://other.example/x/b.conda", "https://y.example/b.conda"},
      {"https://other.example/xy/b.conda", std::nullopt},
      {"http://repo.example/a.conda", std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(map_origin(map, c.url), c.mapped) << c.url;
  }
  EXPECT_EQ(map_origin({}, "https://x/y"), std::nullopt);
  EXPECT_EQ(map_origin({{"", "https://x"}}, "https://x/y"), std::nullopt);
}

}  // namespace
}  // namespace athanor
