#include "shared/archive/bzip2_forward_bwt.hpp"

#include "shared/archive/bzip2_bits.hpp"

#include <divsufsort.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace athanor::bzip2 {
namespace {

// Below this the tables that our own sort sets up cost more than it saves.
constexpr std::size_t k_worth_sorting = 20'000;
static_assert(k_worth_sorting >= RotationSorter::k_smallest);

constexpr std::size_t k_key = sizeof(std::uint64_t);
// More rotations than this with the same least eight bytes aren't worth remembering.
constexpr std::size_t k_max_candidates = 65'536;

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

// How many bytes rotations a and b have in common from `from` bytes on, which they have; the size
// of the block if they are equal.
std::size_t common_bytes(std::span<const std::uint8_t> block, std::size_t a, std::size_t b,
                         std::size_t from) {
  const std::size_t size = block.size();
  std::size_t common = from;
  while (common < size) {
    const std::size_t at_a = (a + common) % size;
    const std::size_t at_b = (b + common) % size;
    if (std::max(at_a, at_b) + sizeof(std::uint64_t) > size) {
      if (block[at_a] != block[at_b]) {
        return common;
      }
      ++common;
      continue;
    }
    const std::uint64_t difference =
        load_big_endian(block.data() + at_a) ^ load_big_endian(block.data() + at_b);
    if (difference != 0) {
      return std::min(size, common + static_cast<std::size_t>(std::countl_zero(difference)) / 8);
    }
    common += sizeof(std::uint64_t);
  }
  return size;
}

// The race, but only between rotations that begin with the least eight bytes: these places,
// ascending.
std::size_t least_of(std::span<const std::uint8_t> block,
                     std::span<const std::uint32_t> candidates) {
  const std::size_t size = block.size();
  std::size_t a = 0;
  std::size_t b = 1;
  while (a < candidates.size() && b < candidates.size()) {
    const std::size_t common = common_bytes(block, candidates[a], candidates[b], k_key);
    if (common == size) {
      break;
    }
    const std::uint8_t in_a = block[(candidates[a] + common) % size];
    const std::uint8_t in_b = block[(candidates[b] + common) % size];
    std::size_t& loser = in_a > in_b ? a : b;
    const std::size_t end = candidates[loser] + common;
    while (loser < candidates.size() && candidates[loser] <= end) {
      ++loser;
    }
    if (a == b) {
      ++b;
    }
  }
  return candidates[std::min(a, b)];
}

}  // namespace

std::size_t least_rotation(std::span<const std::uint8_t> block) {
  const std::size_t size = block.size();
  if (size < 2 * k_key) {
    return least_rotation_by_race(block);
  }
  std::uint64_t key = load_big_endian(block.data());
  std::uint64_t least = key;
  std::vector<std::uint32_t> candidates{0};
  for (std::size_t i = 1; i < size; ++i) {
    const std::size_t entering = i + k_key - 1;
    key = key << 8U | block[entering < size ? entering : entering - size];
    if (key > least) [[likely]] {
      continue;
    }
    if (key < least) {
      least = key;
      candidates.clear();
    }
    candidates.push_back(static_cast<std::uint32_t>(i));
    if (candidates.size() > k_max_candidates) {
      return least_rotation_by_race(block);
    }
  }
  return least_of(block, candidates);
}

std::optional<std::uint32_t> ForwardBwt::transform(std::span<const std::uint8_t> block,
                                                   std::vector<std::uint8_t>& last) {
  const std::size_t size = block.size();
  const std::size_t first = least_rotation(block);
  turned_.resize(size);
  std::memcpy(turned_.data(), block.data() + first, size - first);
  std::memcpy(turned_.data() + (size - first), block.data(), first);
  const std::size_t original = first == 0 ? 0 : size - first;
  if (size >= k_worth_sorting) {
    if (const auto row = sorter_.sort(turned_, original, last)) {
      return row;
    }
  }
  order_.resize(size);
  if (divsufsort(turned_.data(), order_.data(), static_cast<std::int32_t>(size)) != 0) {
    return std::nullopt;
  }
  std::uint32_t row = 0;
  last.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::int32_t begin = order_[i];
    const std::size_t before = begin == 0 ? size - 1 : static_cast<std::size_t>(begin) - 1;
    last[i] = turned_[before];
    if (static_cast<std::size_t>(begin) == original) {
      row = static_cast<std::uint32_t>(i);
    }
  }
  return row;
}

}  // namespace athanor::bzip2
