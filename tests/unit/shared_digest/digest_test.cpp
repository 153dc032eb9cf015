#include "shared/digest/digest.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Digest, KnownValuesOfTheStandards) {
  EXPECT_EQ(md5_of("abc").hex(), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(sha1_of("").hex(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha256_of("abc").hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, TheHasherCountsAndStartsAnew) {
  DigestHasher hasher;
  hasher.update(bytes_of("a"));
  hasher.update(bytes_of("bc"));
  const Digest first = hasher.finish();
  EXPECT_EQ(first.md5, md5_of("abc"));
  EXPECT_EQ(first.sha256, sha256_of("abc"));
  EXPECT_EQ(first.size, 3U);
  const Digest second = hasher.finish();
  EXPECT_EQ(second.sha256, sha256_of(""));
  EXPECT_EQ(second.size, 0U);
}

TEST(Digest, HexIsReadOnlyWhenWhole) {
  EXPECT_TRUE(Md5::from_hex("900150983CD24FB0D6963F7D28E17F72"));
  EXPECT_FALSE(Md5::from_hex("900150983cd24fb0d6963f7d28e17f7"));
  EXPECT_FALSE(Md5::from_hex("900150983cd24fb0d6963f7d28e17f7g"));
  EXPECT_FALSE(Sha256::from_hex("900150983cd24fb0d6963f7d28e17f72"));
}

TEST(ExpectedDigest, EveryKnownPartMustAgree) {
  const Digest actual{.md5 = md5_of("abc"), .sha256 = sha256_of("abc"), .size = 3};
  EXPECT_TRUE(ExpectedDigest{}.matches(actual));
  EXPECT_TRUE((ExpectedDigest{.md5 = actual.md5, .sha256 = {}, .size = {}}.matches(actual)));
  EXPECT_FALSE(
      (ExpectedDigest{.md5 = actual.md5, .sha256 = sha256_of("x"), .size = {}}.matches(actual)));
  EXPECT_FALSE((ExpectedDigest{.md5 = {}, .sha256 = {}, .size = 4}.matches(actual)));
}

}  // namespace
}  // namespace athanor
