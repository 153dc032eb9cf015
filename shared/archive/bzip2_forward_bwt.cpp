#include "shared/archive/bzip2_forward_bwt.hpp"

#include "shared/archive/bzip2_bits.hpp"

#include <divsufsort.h>

#include <algorithm>
#include <cstring>

namespace athanor::bzip2 {
namespace {

// Two candidates race; the one that loses can be moved behind everything that was compared, since
// all rotations that begin in between lose as well. Linear time whatever the block.
std::size_t least_rotation_by_race(std::span<const std::uint8_t> block) {
  const std::size_t size = block.size();
  std::size_t a = 0;
  std::size_t b = 1;
  std::size_t equal = 0;
  while (a < size && b < size && equal < size) {
    const std::size_t at_a = a + equal;
    const std::size_t at_b = b + equal;
    const std::uint8_t in_a = block[at_a < size ? at_a : at_a - size];
    const std::uint8_t in_b = block[at_b < size ? at_b : at_b - size];
    if (in_a == in_b) {
      ++equal;
      continue;
    }
    (in_a > in_b ? a : b) += equal + 1;
    if (a == b) {
      ++b;
    }
    equal = 0;
  }
  return std::min(a, b);
}

// Compares rotations a and b of a block, from `from` bytes on, byte by byte up to `budget`, which
// is reduced. Returns whether b is less; false too when the budget is used up.
bool is_less(std::span<const std::uint8_t> block, std::size_t b, std::size_t a, std::size_t from,
             std::size_t& budget) {
  const std::size_t size = block.size();
  for (std::size_t i = from; i < size && budget > 0; ++i, --budget) {
    const std::uint8_t in_a = block[(a + i) % size];
    const std::uint8_t in_b = block[(b + i) % size];
    if (in_a != in_b) {
      return in_b < in_a;
    }
  }
  return false;
}

}  // namespace

std::size_t least_rotation(std::span<const std::uint8_t> block) {
  constexpr std::size_t k_key = 8;
  const std::size_t size = block.size();
  if (size < 2 * k_key) {
    return least_rotation_by_race(block);
  }
  // Few rotations begin with the least eight bytes. Only these are compared further, unless they
  // turn out to be many or much alike.
  std::uint64_t key = load_big_endian(block.data());
  std::uint64_t least = key;
  std::size_t best = 0;
  std::size_t budget = size;
  for (std::size_t i = 1; i < size; ++i) {
    const std::size_t entering = i + k_key - 1;
    key = key << 8U | block[entering < size ? entering : entering - size];
    if (key > least) [[likely]] {
      continue;
    }
    if (key < least) {
      least = key;
      best = i;
    } else if (is_less(block, i, best, k_key, budget)) {
      best = i;
    }
    if (budget == 0) {
      return least_rotation_by_race(block);
    }
  }
  return best;
}

std::optional<std::uint32_t> ForwardBwt::transform(std::span<const std::uint8_t> block,
                                                   std::vector<std::uint8_t>& last) {
  const std::size_t size = block.size();
  const std::size_t first = least_rotation(block);
  turned_.resize(size);
  std::memcpy(turned_.data(), block.data() + first, size - first);
  std::memcpy(turned_.data() + (size - first), block.data(), first);
  order_.resize(size);
  if (divsufsort(turned_.data(), order_.data(), static_cast<std::int32_t>(size)) != 0) {
    return std::nullopt;
  }
  const auto original = static_cast<std::int32_t>(first == 0 ? 0 : size - first);
  std::uint32_t row = 0;
  last.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::int32_t begin = order_[i];
    const std::size_t before = begin == 0 ? size - 1 : static_cast<std::size_t>(begin) - 1;
    last[i] = turned_[before];
    if (begin == original) {
      row = static_cast<std::uint32_t>(i);
    }
  }
  return row;
}

}  // namespace athanor::bzip2
