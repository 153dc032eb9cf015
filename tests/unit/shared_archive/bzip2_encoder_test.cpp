#include "shared/archive/bzip2_encoder.hpp"

#include "shared/archive/bzip2_decoder.hpp"
#include "shared/base/random.hpp"
#include "tests/unit/shared_archive/bzip2_reference.hpp"
#include "tests/unit/shared_archive/bzip2_test_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace athanor {
namespace {

using test::Bytes;

// Encodes with writes of random sizes up to max_write.
Bytes encode(std::span<const std::uint8_t> data, Bzip2EncoderOptions options,
             std::size_t max_write = 1 << 20) {
  Bytes out;
  MemorySink sink(out);
  Bzip2Encoder encoder(sink, options);
  Random random(7);
  while (!data.empty()) {
    const std::size_t count = std::min<std::size_t>(1 + random.below(max_write), data.size());
    EXPECT_TRUE(encoder.write(data.first(count)).ok());
    data = data.subspan(count);
  }
  EXPECT_TRUE(encoder.finish().ok());
  return out;
}

class Bzip2EncoderSamples : public testing::TestWithParam<test::Sample> {};

TEST_P(Bzip2EncoderSamples, AreReadBackByTheReferenceAndByUs) {
  const Bytes& bytes = GetParam().bytes;
  for (const unsigned level : {1U, 9U}) {
    const Bytes packed = encode(bytes, {.level = level});
    EXPECT_TRUE(test::reference_decompress(packed) == bytes) << "level " << level;
    MemorySource source(packed);
    Bzip2Decoder decoder(source, {});
    Bytes back(bytes.size() + 1);
    std::size_t size = 0;
    while (true) {
      const auto count = decoder.read(std::span(back).subspan(size));
      ASSERT_TRUE(count.ok()) << count.error().to_string();
      if (*count == 0) {
        break;
      }
      size += *count;
    }
    back.resize(size);
    EXPECT_TRUE(back == bytes);
    EXPECT_EQ(decoder.streams(), 1U);
  }
}

TEST_P(Bzip2EncoderSamples, GiveTheSameBytesForAnyThreadsAndWrites) {
  const Bytes& bytes = GetParam().bytes;
  const Bytes expected = encode(bytes, {.level = 1});
  for (const unsigned threads : {1U, 2U, 4U}) {
    EXPECT_TRUE(encode(bytes, {.threads = threads, .level = 1}) == expected) << threads;
  }
  for (const std::size_t max_write : {1U, 3U, 1000U}) {
    EXPECT_TRUE(encode(bytes, {.level = 1}, max_write) == expected) << max_write;
  }
}

TEST_P(Bzip2EncoderSamples, AreNoLargerThanWhatTheReferenceMakes) {
  const Bytes& bytes = GetParam().bytes;
  const std::size_t reference = test::reference_compress(bytes, 9).size();
  EXPECT_LE(encode(bytes, {}).size(), reference + reference / 200 + 8);
}

INSTANTIATE_TEST_SUITE_P(All, Bzip2EncoderSamples, testing::ValuesIn(test::samples()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace athanor
