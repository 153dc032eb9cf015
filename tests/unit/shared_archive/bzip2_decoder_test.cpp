#include "shared/archive/bzip2_decoder.hpp"

#include "tests/unit/shared_archive/bzip2_reference.hpp"
#include "tests/unit/shared_archive/bzip2_test_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>

namespace athanor {
namespace {

using test::Bytes;

struct Decoded {
  Bytes bytes;
  std::string error;  // empty if there was none
  ErrorKind kind = ErrorKind::bug;
  std::uint64_t streams = 0;
  std::uint64_t blocks = 0;
  bool trailing = false;
};

Decoded decode(std::span<const std::uint8_t> data, Bzip2DecoderOptions options = {},
               std::size_t piece = 65536) {
  MemorySource source(data);
  Bzip2Decoder decoder(source, options);
  Decoded result;
  Bytes buffer(piece);
  while (true) {
    const auto count = decoder.read(buffer);
    if (!count.ok()) {
      result.error = count.error().message;
      result.kind = count.error().kind;
      break;
    }
    if (*count == 0) {
      break;
    }
    result.bytes.insert(result.bytes.end(), buffer.begin(),
                        buffer.begin() + static_cast<std::ptrdiff_t>(*count));
  }
  result.streams = decoder.streams();
  result.blocks = decoder.blocks();
  result.trailing = decoder.has_trailing_data();
  return result;
}

class Bzip2DecoderSamples : public testing::TestWithParam<test::Sample> {};

TEST_P(Bzip2DecoderSamples, AreReadAtEveryLevelWithAnyNumberOfThreads) {
  const Bytes& bytes = GetParam().bytes;
  for (const int level : {1, 5, 9}) {
    const Bytes packed = test::reference_compress(bytes, level);
    for (const unsigned threads : {0U, 1U, 2U, 4U}) {
      const Decoded result = decode(packed, {.threads = threads});
      EXPECT_EQ(result.error, "");
      EXPECT_TRUE(result.bytes == bytes) << "level " << level << ", threads " << threads;
      EXPECT_EQ(result.streams, 1U);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Bzip2DecoderSamples, testing::ValuesIn(test::samples()),
                         [](const auto& row) { return row.param.name; });

TEST(Bzip2Decoder, SeveralStreamsAreOneAndCounted) {
  Bytes packed = test::reference_compress(test::text(300'000, 1), 1);
  const Bytes empty = test::reference_compress({}, 9);
  const Bytes other = test::reference_compress(test::text(200'000, 2), 9);
  packed.insert(packed.end(), empty.begin(), empty.end());
  packed.insert(packed.end(), other.begin(), other.end());
  for (const unsigned threads : {0U, 2U}) {
    const Decoded result = decode(packed, {.threads = threads});
    EXPECT_EQ(result.error, "");
    EXPECT_TRUE(result.bytes == test::reference_decompress(packed));
    EXPECT_EQ(result.streams, 3U);
  }
}

}  // namespace
}  // namespace athanor
