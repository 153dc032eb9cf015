#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace athanor::bzip2 {

// The list of byte values in the order of their last use. The first eight, which nearly
// all of the symbols ask for, are one number, so that moving them takes shifts and no memory.
class MoveToFrontList {
 public:
  static constexpr unsigned k_near = 8;

  // `order` is the list at the beginning; what a block doesn't use may be anything.
  explicit MoveToFrontList(const std::array<std::uint8_t, 256>& order) {
    for (unsigned i = 0; i < k_near; ++i) {
      near_ |= std::uint64_t{order[i]} << (8 * i);
    }
    std::memcpy(far_.data(), order.data() + k_near, order.size() - k_near);
  }

  std::uint8_t front() const { return static_cast<std::uint8_t>(near_); }

  // Where the value, which must be in the list, stands.
  unsigned find(std::uint8_t value) const {
    constexpr std::uint64_t k_ones = 0x0101010101010101U;
    const std::uint64_t difference = near_ ^ value * k_ones;
    const std::uint64_t zeros = (difference - k_ones) & ~difference & (k_ones << 7U);
    if (zeros != 0) [[likely]] {
      return static_cast<unsigned>(std::countr_zero(zeros)) / 8;
    }
    const auto* at = static_cast<const std::uint8_t*>(std::memchr(far_.data(), value, far_.size()));
    return static_cast<unsigned>(at - far_.data()) + k_near;
  }

  // Moves the value at `position`, which is below 256, to the front.
  void move(unsigned position) {
    if (position < k_near) [[likely]] {
      const unsigned shift = position * 8;
      const std::uint64_t passed = near_ & ((std::uint64_t{1} << shift) - 1);
      const std::uint64_t kept = near_ & ((~std::uint64_t{0} << shift) << 8U);
      near_ = kept | passed << 8U | ((near_ >> shift) & 0xffU);
    } else {
      move_far(position - k_near);
    }
  }

 private:
  void move_far(std::size_t index) {
    const std::uint8_t value = far_[index];
    std::memmove(far_.data() + 1, far_.data(), index);
    far_[0] = static_cast<std::uint8_t>(near_ >> 56U);
    near_ = near_ << 8U | value;
  }

  std::uint64_t near_ = 0;  // the front in the lowest byte
  std::array<std::uint8_t, 256 - k_near> far_{};
};

}  // namespace athanor::bzip2
