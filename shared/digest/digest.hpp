#pragma once

#include "shared/base/result.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace athanor {

// A hash value of a fixed algorithm: 16 bytes for MD5, 20 for SHA-1, 32 for SHA-256. The type says
// which algorithm it is, so an MD5 can't be compared with a SHA-256.
template <std::size_t Size, typename Tag>
struct HashValue {
  std::array<std::uint8_t, Size> bytes{};

  friend bool operator==(const HashValue&, const HashValue&) = default;
  friend auto operator<=>(const HashValue&, const HashValue&) = default;

  // Lower-case hexadecimal.
  std::string hex() const;
  // Absent if text isn't exactly Size * 2 hexadecimal digits (either case).
  static std::optional<HashValue> from_hex(std::string_view text);
};

using Md5 = HashValue<16, struct Md5Tag>;
using Sha1 = HashValue<20, struct Sha1Tag>;
using Sha256 = HashValue<32, struct Sha256Tag>;

// What the bytes of an artifact are: both hashes and the size, always together, because readers
// name objects by MD5 (conda) or SHA-256 (pypi) and only SHA-256 is trusted against tampering.
struct Digest {
  Md5 md5;
  Sha256 sha256;
  std::uint64_t size = 0;  // bytes

  friend bool operator==(const Digest&, const Digest&) = default;
};

// What an input says about an artifact. Anything may be unknown.
struct ExpectedDigest {
  std::optional<Md5> md5;
  std::optional<Sha256> sha256;
  std::optional<std::uint64_t> size;  // bytes

  friend bool operator==(const ExpectedDigest&, const ExpectedDigest&) = default;

  // Every known part agrees. True if nothing is known.
  bool matches(const Digest& actual) const;
  // "md5 0123…, sha256 4567…, 812 bytes": what is known, for messages; "nothing known" if nothing.
  std::string to_string() const;
};

// Hashes bytes as they pass: MD5, SHA-256 and the size in one object. Not thread-safe.
class DigestHasher {
 public:
  DigestHasher();
  ~DigestHasher();
  DigestHasher(DigestHasher&&) noexcept;
  DigestHasher& operator=(DigestHasher&&) noexcept;

  void update(std::span<const std::uint8_t> bytes);
  // The digest of everything so far; the hasher starts anew.
  Digest finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A SHA-256 alone, for comparing contents. Not thread-safe.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;

  void update(std::span<const std::uint8_t> bytes);
  // The hash of everything so far; the hasher starts anew.
  Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

Md5 md5_of(std::string_view bytes);
Sha1 sha1_of(std::string_view bytes);
Sha256 sha256_of(std::string_view bytes);

}  // namespace athanor
