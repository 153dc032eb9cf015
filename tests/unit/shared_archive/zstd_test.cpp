#include "shared/archive/zstd_codec.hpp"
#include "shared/base/random.hpp"
#include "shared/base/units.hpp"
#include "shared/digest/digest.hpp"
#include "tests/unit/shared_archive/package_maker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace athanor {
namespace {

using testing::HasSubstr;

class VectorSink final : public PatchableSink {
 public:
  Result<void> write(std::span<const std::uint8_t> more) override {
    bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
    return {};
  }
  Result<void> patch(std::uint64_t offset, std::span<const std::uint8_t> with) override {
    EXPECT_LE(offset + with.size(), k_patchable_bytes);
    std::memcpy(bytes.data() + offset, with.data(), with.size());
    return {};
  }

  std::string bytes;
};

std::string compress(std::string_view content, const ZstdEncoderOptions& options,
                     std::size_t piece = 100'000) {
  VectorSink sink;
  ZstdEncoder encoder(sink, options);
  for (; !content.empty(); content.remove_prefix(std::min(piece, content.size()))) {
    test::must(encoder.write(test::as_bytes(content.substr(0, piece))));
  }
  test::must(encoder.finish());
  return sink.bytes;
}

Result<std::string> decompress(std::string_view bytes) {
  MemorySource source(test::as_bytes(bytes));
  ZstdDecoder decoder(source);
  std::string content;
  std::vector<std::uint8_t> buffer(10'000);
  while (true) {
    ATHANOR_ASSIGN(const std::size_t count, decoder.read(buffer));
    if (count == 0) {
      return content;
    }
    content.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
}

// Text that compresses somewhat, as packages do.
std::string words(std::size_t size) {
  Random random(7);
  std::string text;
  while (text.size() < size) {
    text += "word" + std::to_string(random.below(5000)) + " ";
  }
  text.resize(size);
  return text;
}

class ZstdSizes : public testing::TestWithParam<std::size_t> {};

TEST_P(ZstdSizes, ComeBackAndStandInTheFrame) {
  const std::string content = words(GetParam());
  const std::string frame = compress(content, {.level = 3});
  EXPECT_EQ(ZSTD_getFrameContentSize(frame.data(), frame.size()), content.size());
  EXPECT_EQ(ZSTD_findFrameCompressedSize(frame.data(), frame.size()), frame.size());
  EXPECT_TRUE(test::must(decompress(frame)) == content);
}

INSTANTIATE_TEST_SUITE_P(All, ZstdSizes,
                         testing::Values(0, 1, 255, 256, 70'000, 2_MiB - 1, 2_MiB, 2_MiB + 1, 4_MiB,
                                         4_MiB + 1, 13'000'000));

TEST(Zstd, MakesTheSameBytesForAnyThreadsAndPieces) {
  const std::string content = words(11'000'000);
  for (const int level : {1, 6, 9}) {
    const std::string expected = compress(content, {.level = level, .threads = 1});
    EXPECT_TRUE(compress(content, {.level = level, .threads = 2}) == expected) << level;
    EXPECT_TRUE(compress(content, {.level = level, .threads = 5}, 4'321) == expected) << level;
    EXPECT_TRUE(compress(content, {.level = level, .threads = 3}, content.size()) == expected)
        << level;
  }
}

TEST(Zstd, NeedsNoMoreThanEightMebibytesOfWindow) {
  for (const int level : {6, 19}) {
    const std::string frame = compress(words(9'000'000), {.level = level});
    ZSTD_DCtx* const context = ZSTD_createDCtx();
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 23);
    std::string out(1000, '\0');
    ZSTD_inBuffer in{frame.data(), frame.size(), 0};
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    EXPECT_EQ(ZSTD_isError(ZSTD_decompressStream(context, &target, &in)), 0U) << level;
    ZSTD_freeDCtx(context);
  }
}

TEST(Zstd, NoticesTruncationAtEveryByte) {
  const std::string frame = compress(words(3000), {.level = 3});
  for (std::size_t length = 0; length < frame.size(); ++length) {
    const auto content = decompress(std::string_view(frame).substr(0, length));
    ASSERT_FALSE(content.ok()) << length;
    EXPECT_EQ(content.error().kind, ErrorKind::corrupt) << length;
  }
}

TEST(Zstd, RefusesWhatFollowsTheFrame) {
  const std::string frame = compress("content", {.level = 3});
  const std::string skippable("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12);
  for (const std::string& bytes :
       {frame + frame, frame + "x", frame + skippable, skippable + frame}) {
    const auto content = decompress(bytes);
    ASSERT_FALSE(content.ok());
    EXPECT_EQ(content.error().kind, ErrorKind::rejected);
  }
}

TEST(Zstd, RefusesWindowsThatClientsRefuse) {
  // Magic, a descriptor without content size, a window of 2^28 bytes, an empty last raw block.
  const std::string frame("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00", 9);
  const auto content = decompress(frame);
  ASSERT_FALSE(content.ok());
  EXPECT_EQ(content.error().kind, ErrorKind::unsupported);
  EXPECT_THAT(content.error().message, HasSubstr("128 MiB"));
}

}  // namespace
}  // namespace athanor
