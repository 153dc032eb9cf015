#include "shared/base/byte_size.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

TEST(ByteSize, IsReadAsPeopleWriteIt) {
  const struct {
    const char* text;
    std::optional<std::uint64_t> bytes;
  } rows[] = {
      {"4096", 4096},
      {"16GiB", 17'179'869'184},
      {"1.5 GiB", 1'610'612'736},
      {"500MB", 500'000'000},
      {"500M", 524'288'000},
      {" 8 kib ", 8192},
      {"0", 0},
      {"", std::nullopt},
      {"GiB", std::nullopt},
      {"-1", std::nullopt},
      {"1.2.3M", std::nullopt},
      {"12 parsecs", std::nullopt},
      {"1e9", std::nullopt},
      {"99999999TiB", std::nullopt},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(parse_byte_size(row.text), row.bytes) << row.text;
  }
}

}  // namespace
}  // namespace athanor
