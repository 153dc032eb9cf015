#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

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

inline void store_big_endian(std::uint8_t* at, std::uint64_t value) {
  if constexpr (std::endian::native == std::endian::little) {
    value = __builtin_bswap64(value);
  }
  std::memcpy(at, &value, sizeof value);
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

// Collects bits in a vector that grows with them.
class BitWriter {
 public:
  // REQUIRES: count <= 32, and value has no bits above.
  void put(std::uint64_t value, unsigned count) {
    Burst burst(*this, count);
    burst.put(value, count);
  }

  // Writes many bits in one go: what put() changes stays in registers, since a burst is a local
  // variable of the function that writes. The writer must not be used before its end.
  class Burst {
   public:
    // `most`: bits that will be written at most.
    Burst(BitWriter& writer, std::size_t most)
        : writer_(writer),
          pending_(writer.pending_),
          pending_bits_(writer.pending_bits_) {
      writer.reserve(most / 8 + 2 * sizeof pending_);
      begin_ = at_ = writer.bytes_.data() + writer.size_;
    }
    ~Burst() {
      writer_.size_ += static_cast<std::size_t>(at_ - begin_);
      writer_.pending_ = pending_;
      writer_.pending_bits_ = pending_bits_;
    }
    Burst(const Burst&) = delete;
    Burst& operator=(const Burst&) = delete;

    // REQUIRES: as BitWriter::put().
    void put(std::uint64_t value, unsigned count) {
      pending_ = pending_ << count | value;
      pending_bits_ += count;
      if (pending_bits_ >= 32) {
        // The lower half of what is written here is overwritten by the next one.
        store_big_endian(at_, pending_ << (64 - pending_bits_));
        pending_bits_ -= 32;
        at_ += 4;
      }
    }

   private:
    BitWriter& writer_;
    std::uint64_t pending_;
    unsigned pending_bits_;
    std::uint8_t* begin_;
    std::uint8_t* at_;
  };

  // Appends `bits` bits from the beginning of `bytes`.
  void append(const std::uint8_t* bytes, std::uint64_t bits) {
    Burst burst(*this, bits);
    for (; bits >= 32; bits -= 32, bytes += 4) {
      burst.put(std::uint64_t{bytes[0]} << 24U | std::uint64_t{bytes[1]} << 16U |
                    std::uint64_t{bytes[2]} << 8U | bytes[3],
                32);
    }
    for (; bits >= 8; bits -= 8, ++bytes) {
      burst.put(*bytes, 8);
    }
    if (bits > 0) {
      burst.put(*bytes >> (8 - bits), static_cast<unsigned>(bits));
    }
  }

  std::uint64_t bits() const { return std::uint64_t{size_} * 8 + pending_bits_; }

  // Makes all bits visible in data(), the last byte filled up with zeros; more can be appended.
  void flush() {
    reserve(sizeof pending_);
    store_big_endian(bytes_.data() + size_,
                     pending_bits_ == 0 ? 0 : pending_ << (64 - pending_bits_));
  }
  const std::uint8_t* data() const { return bytes_.data(); }

  // Forgets the bytes that are complete and keeps the up to seven bits after them.
  void drop_whole_bytes() {
    pending_bits_ %= 8;
    pending_ &= (std::uint64_t{1} << pending_bits_) - 1;
    size_ = 0;
  }

  void clear() {
    size_ = 0;
    pending_ = 0;
    pending_bits_ = 0;
  }

 private:
  void reserve(std::size_t more) {
    if (bytes_.size() < size_ + more) {
      bytes_.resize(bytes_.size() * 2 + more);
    }
  }

  std::vector<std::uint8_t> bytes_;
  std::size_t size_ = 0;       // bytes that are complete
  std::uint64_t pending_ = 0;  // the bits after them, right-aligned
  unsigned pending_bits_ = 0;  // below 32
};

}  // namespace athanor::bzip2
