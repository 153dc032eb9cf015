#include "shared/archive/bzip2_decoder.hpp"

#include "tests/unit/shared_archive/bzip2_forge.hpp"
#include "tests/unit/shared_archive/bzip2_reference.hpp"
#include "tests/unit/shared_archive/bzip2_test_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

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

TEST(Bzip2Decoder, TakesReadsOfAnySize) {
  const Bytes bytes = test::runs();
  const Bytes packed = test::reference_compress(bytes, 9);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 258U, 5000U}) {
    EXPECT_TRUE(decode(packed, {}, piece).bytes == bytes) << piece;
  }
}

TEST(Bzip2Decoder, RefusesDataThatIsCutAtAnyByte) {
  Bytes packed = test::reference_compress(test::text(3'000, 1), 1);
  const Bytes second = test::reference_compress(test::runs(), 1);
  const std::size_t first_size = packed.size();
  packed.insert(packed.end(), second.begin(), second.end());
  for (std::size_t size = 0; size < packed.size(); ++size) {
    const auto cut = std::span(packed).first(size);
    const Decoded result = decode(cut);
    if (size == first_size) {
      EXPECT_EQ(result.error, "");
      continue;
    }
    EXPECT_NE(result.error, "") << size;
    EXPECT_EQ(result.kind, ErrorKind::corrupt) << size;
    if (size % 16 == 0) {
      EXPECT_EQ(decode(cut, {.threads = 2}).error, result.error) << size;
    }
  }
}

TEST(Bzip2Decoder, RefusesLargeDataThatIsCutWithThreadsToo) {
  const Bytes packed = test::reference_compress(test::random_bytes(500'000, 256, 1), 1);
  for (std::size_t size = packed.size() - 1; size > 40'000; size -= 33'333) {
    const auto cut = std::span(packed).first(size);
    const Decoded alone = decode(cut);
    EXPECT_EQ(alone.kind, ErrorKind::corrupt) << size;
    const Decoded threaded = decode(cut, {.threads = 3});
    EXPECT_EQ(threaded.error, alone.error) << size;
    EXPECT_TRUE(threaded.bytes == alone.bytes) << size;
  }
}

TEST(Bzip2Decoder, NeverAcceptsAFlippedBitThatChangesTheData) {
  const Bytes bytes = test::text(250, 1);
  const Bytes packed = test::reference_compress(bytes, 9);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
    Bytes flipped = packed;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (0x80U >> (bit % 8)));
    const Decoded result = decode(flipped);
    EXPECT_TRUE(!result.error.empty() || result.bytes == bytes) << bit;
    EXPECT_TRUE(result.error.empty() || result.kind == ErrorKind::corrupt ||
                result.kind == ErrorKind::unsupported)
        << bit;
    refused += result.error.empty() ? 0U : 1U;
  }
  // The level, unused selectors and the filling bits may change without harm.
  EXPECT_GT(refused, packed.size() * 8 - 24);
}

TEST(Bzip2Decoder, GivesTheSameErrorAgainAfterwards) {
  Bytes packed = test::reference_compress(test::text(5'000, 1), 9);
  packed.resize(packed.size() / 2);
  MemorySource source(packed);
  Bzip2Decoder decoder(source, {});
  Bytes buffer(100);
  const auto first = decoder.read(buffer);
  ASSERT_FALSE(first.ok());
  const auto second = decoder.read(buffer);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(first.error().message, second.error().message);
}

TEST(Bzip2Decoder, RefusesWhatFollowsTheLastStreamOrReportsIt) {
  const Bytes bytes = test::text(5'000, 1);
  Bytes packed = test::reference_compress(bytes, 9);
  packed.push_back(0);
  const Decoded refused = decode(packed);
  EXPECT_EQ(refused.kind, ErrorKind::rejected);
  EXPECT_TRUE(refused.bytes == bytes);
  const Decoded reported = decode(packed, {.trailing = Bzip2Trailing::report});
  EXPECT_EQ(reported.error, "");
  EXPECT_TRUE(reported.trailing);
  EXPECT_TRUE(reported.bytes == bytes);
}

TEST(Bzip2Decoder, RefusesWhatIsNoBzip2) {
  for (const std::string& text : {std::string(), std::string("PK\3\4, a zip"), std::string("BZ"),
                                  std::string("BZh0123456"), std::string("BZh9123456789")}) {
    const Decoded result = decode(Bytes(text.begin(), text.end()));
    EXPECT_EQ(result.kind, ErrorKind::corrupt) << text;
    EXPECT_NE(result.error, "") << text;
  }
}

TEST(Bzip2Decoder, PassesTheErrorsOfItsSourceOn) {
  class Failing final : public ByteSource {
   public:
    Result<std::size_t> read(std::span<std::uint8_t>) override {
      return make_error(ErrorKind::retry, "the connection broke");
    }
  };
  Failing source;
  Bzip2Decoder decoder(source, {.threads = 1});
  Bytes buffer(100);
  const auto result = decoder.read(buffer);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::retry);
  EXPECT_EQ(result.error().message, "the connection broke");
}

TEST(Bzip2Decoder, CanBeDestroyedInTheMiddle) {
  const Bytes packed = test::reference_compress(test::random_bytes(1'000'000, 256, 1), 1);
  MemorySource source(packed);
  Bzip2Decoder decoder(source, {.threads = 4});
  Bytes buffer(1000);
  EXPECT_TRUE(decoder.read(buffer).ok());
}

// --- Forged streams ----------------------------------------------------------------------------

constexpr std::uint8_t k_block_magic_bytes[] = {0x31, 0x41, 0x59, 0x26, 0x53, 0x59};
constexpr std::uint8_t k_end_magic_bytes[] = {0x17, 0x72, 0x45, 0x38, 0x50, 0x90};

void add(test::ForgedBlock& block, std::span<const std::uint8_t> symbols) {
  block.symbols.insert(block.symbols.end(), symbols.begin(), symbols.end());
}

void expect_as_reference(const Bytes& packed) {
  const auto expected = test::reference_decompress(packed);
  ASSERT_TRUE(expected.has_value());
  for (const unsigned threads : {0U, 1U, 2U, 4U}) {
    const Decoded result = decode(packed, {.threads = threads});
    EXPECT_EQ(result.error, "") << threads;
    EXPECT_TRUE(result.bytes == *expected) << threads;
  }
}

TEST(Bzip2Decoder, IsNotMisledByMagicsInsideABlock) {
  // One more selector than the last time puts the magics on each of the eight bit positions.
  for (std::size_t extra = 0; extra < 8; ++extra) {
    test::ForgedBlock block;
    for (std::uint8_t i = 2; i < 250; ++i) {
      block.symbols.push_back(i);
      if (i % 10 == 0) {
        add(block, k_block_magic_bytes);
      }
      if (i % 31 == 0) {
        add(block, k_end_magic_bytes);
      }
    }
    block.selectors = 20 + extra;
    const std::vector<test::ForgedBlock> blocks{block, block, {.symbols = {7, 8, 9}}, block};
    expect_as_reference(test::forge_stream(blocks));
  }
}

TEST(Bzip2Decoder, IsNotMisledByAWholeBlockInsideABlock) {
  // The inner block is sound and lies on whole bytes, so that a thread decodes it successfully.
  const Bytes packed = test::reference_compress(Bytes{'a', 'b', 'c'}, 9);
  ASSERT_EQ(std::count(packed.begin(), packed.end(), 0xff), 0);
  test::ForgedBlock block{.symbols = {20, 30}};
  add(block, std::span(packed).subspan(4));
  block.symbols.insert(block.symbols.end(), 100, 77);
  const std::vector<test::ForgedBlock> blocks{block, {.symbols = {5}}, block, block};
  expect_as_reference(test::forge_stream(blocks));
}

TEST(Bzip2Decoder, AcceptsAsManySelectorsAsCanBeAnnounced) {
  const std::vector<test::ForgedBlock> blocks{{.symbols = {5, 6, 7}, .selectors = 32'767}};
  expect_as_reference(test::forge_stream(blocks));
}

TEST(Bzip2Decoder, RefusesRandomisedBlocksWithWords) {
  const std::vector<test::ForgedBlock> blocks{{.symbols = {5, 6, 7}, .randomised = true}};
  const Decoded result = decode(test::forge_stream(blocks));
  EXPECT_EQ(result.kind, ErrorKind::unsupported);
  EXPECT_NE(result.error.find("randomised"), std::string::npos);
}

TEST(Bzip2Decoder, RefusesBlocksThatDontFitTheirLevel) {
  Bytes packed = test::reference_compress(test::random_bytes(200'000, 256, 1), 2);
  ASSERT_EQ(packed[3], '2');
  packed[3] = '1';
  EXPECT_FALSE(test::reference_decompress(packed).has_value());
  for (const unsigned threads : {0U, 2U}) {
    EXPECT_EQ(decode(packed, {.threads = threads}).kind, ErrorKind::corrupt);
  }
}

TEST(Bzip2Decoder, RefusesRunsThatAreLongerThanAnyBlock) {
  for (const std::size_t digits : {20U, 21U, 22U, 64U, 1000U}) {
    const std::vector<test::ForgedBlock> blocks{{.symbols = Bytes(digits, 1)}};
    const Bytes packed = test::forge_stream(blocks);
    EXPECT_FALSE(test::reference_decompress(packed).has_value());
    EXPECT_EQ(decode(packed).kind, ErrorKind::corrupt) << digits;
  }
}

}  // namespace
}  // namespace athanor
