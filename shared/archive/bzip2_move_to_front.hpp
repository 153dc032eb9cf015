#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace athanor::bzip2 {

// The list of byte values in the order of their last use, eight in a number, the foremost in its
// lowest byte. Nearly all of the symbols ask for one of the first eight, and shifting these needs
// no memory. Moving a value from further back shifts the numbers before it one after the other.
class MoveToFrontList {
 public:
  // `order` is the list at the beginning; what a block doesn't use may be anything.
  explicit MoveToFrontList(const std::array<std::uint8_t, 256>& order) {
    for (std::size_t i = 0; i < k_per_word; ++i) {
      near_ |= std::uint64_t{order[i]} << (8 * i);
    }
    for (std::size_t i = k_per_word; i < order.size(); ++i) {
      far_[i / k_per_word - 1] |= std::uint64_t{order[i]} << (8 * (i % k_per_word));
    }
  }

  std::uint8_t front() const { return static_cast<std::uint8_t>(near_); }

  // Moves the value at `position`, which is below 256, to the front.
  void move(unsigned position) {
    if (position < k_per_word) [[likely]] {
      near_ = replace(near_, position * 8, value_at(near_, position * 8));
      return;
    }
    std::uint64_t carried = near_ >> 56U;
    const std::size_t word = position / k_per_word - 1;
    for (std::size_t i = 0; i < word; ++i) {
      carried = push(far_[i], carried);
    }
    const unsigned shift = position % k_per_word * 8;
    const std::uint64_t value = value_at(far_[word], shift);
    far_[word] = replace(far_[word], shift, carried);
    near_ = near_ << 8U | value;
  }

  // Moves the value, which must be in the list, to the front and returns where it was.
  unsigned move_value(std::uint8_t value) {
    unsigned shift = find(near_, value);
    if (shift < 64) [[likely]] {
      near_ = replace(near_, shift, value);
      return shift / 8;
    }
    std::uint64_t carried = near_ >> 56U;
    near_ = near_ << 8U | value;
    for (std::size_t i = 0; i < far_.size(); ++i) {
      shift = find(far_[i], value);
      if (shift < 64) {
        far_[i] = replace(far_[i], shift, carried);
        return static_cast<unsigned>((i + 1) * k_per_word) + shift / 8;
      }
      carried = push(far_[i], carried);
    }
    return 0;  // not reached
  }

 private:
  static constexpr std::size_t k_per_word = 8;

  static std::uint64_t value_at(std::uint64_t word, unsigned shift) {
    return (word >> shift) & 0xffU;
  }

  // The word with the value at `shift` taken out and another one put in at its front.
  static std::uint64_t replace(std::uint64_t word, unsigned shift, std::uint64_t front) {
    const std::uint64_t passed = word & ((std::uint64_t{1} << shift) - 1);
    const std::uint64_t kept = word & ((~std::uint64_t{0} << shift) << 8U);
    return kept | passed << 8U | front;
  }

  // Puts a value in at the front and returns the one that falls out at the back.
  static std::uint64_t push(std::uint64_t& word, std::uint64_t front) {
    const std::uint64_t out = word >> 56U;
    word = word << 8U | front;
    return out;
  }

  // By how many bits the value's first place is shifted; 64 if the word doesn't have it.
  static unsigned find(std::uint64_t word, std::uint8_t value) {
    constexpr std::uint64_t k_ones = 0x0101010101010101U;
    const std::uint64_t difference = word ^ value * k_ones;
    const std::uint64_t zeros = (difference - k_ones) & ~difference & (k_ones << 7U);
    return static_cast<unsigned>(std::countr_zero(zeros)) & ~7U;
  }

  std::uint64_t near_ = 0;
  std::array<std::uint64_t, 256 / k_per_word - 1> far_{};
};

}  // namespace athanor::bzip2
