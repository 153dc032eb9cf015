#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

// Bits in bzip2's order: the most significant of each byte first. Internal to the bzip2 codec.
namespace athanor::bzip2 {

// The eight bytes at `at` as a number, the first byte the most significant.
inline std::uint64_t load_big_endian(const std::uint8_t* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::little) {
    value = __builtin_bswap64(value);
  }
  return value;
}

// The eight bytes at `at` as a number, the first byte the least significant.
inline std::uint64_t load_little_endian(const std::uint8_t* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big) {
    value = __builtin_bswap64(value);
  }
  return value;
}

// Readers of bits may look this far past the end of their data; whoever hands data to them keeps so
// many readable bytes behind it. Half of it is what a group of 50 symbols of 20 bits can overrun.
inline constexpr std::size_t k_input_padding = 256;

// A piece of compressed data: bits [begin, end) of the bytes at `data`, which are followed by
// k_input_padding readable bytes.
struct BitRange {
  const std::uint8_t* data = nullptr;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Reads headers: slow and careful. Reading past the end gives zeros and is remembered.
class BitCursor {
 public:
  explicit BitCursor(const BitRange& range)
      : range_(range),
        position_(range.begin) {}

  // REQUIRES: 1 <= count <= 56.
  std::uint64_t take(unsigned count) {
    if (range_.end - position_ < count) {
      position_ = range_.end;
      overrun_ = true;
      return 0;
    }
    const std::uint64_t word = load_big_endian(range_.data + (position_ >> 3U));
    const std::uint64_t value = (word << (position_ & 7U)) >> (64U - count);
    position_ += count;
    return value;
  }

  bool overrun() const { return overrun_; }
  std::uint64_t position() const { return position_; }

 private:
  BitRange range_;
  std::uint64_t position_;
  bool overrun_ = false;
};

}  // namespace athanor::bzip2
