#pragma once

#include "shared/archive/bzip2_rotation_sort.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace athanor::bzip2 {

// The Burrows-Wheeler transform of one block, as bzip2 wants it: of the block's rotations.
// Ordinary blocks are sorted by RotationSorter, what it gives up on by libdivsufsort. The latter
// sorts suffixes, for which the end of the block counts as smaller than any byte. If the block is
// turned first so that it begins with its least rotation, both orders are the same: no suffix can
// then be the beginning of a greater rotation but sort as a smaller one. This holds for periodic
// blocks too, whose equal rotations may stand in any order.
//
// Owns its scratch memory (about 20 MB at the largest block size); not thread-safe.
class ForwardBwt {
 public:
  // Sorts the rotations of `block`, 1 to k_max_block bytes. `last` becomes the transform's last
  // column and the result is the row of the original; empty if there is no memory for it.
  std::optional<std::uint32_t> transform(std::span<const std::uint8_t> block,
                                         std::vector<std::uint8_t>& last);

 private:
  std::vector<std::uint8_t> turned_;
  RotationSorter sorter_;
  std::vector<std::int32_t> order_;
};

// Where the rotation of `block` begins that is the least of all; the first one of equals.
std::size_t least_rotation(std::span<const std::uint8_t> block);

}  // namespace athanor::bzip2
