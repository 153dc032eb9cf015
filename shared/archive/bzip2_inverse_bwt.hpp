#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace athanor::bzip2 {

// Undoes the Burrows-Wheeler transform of one block. The plain way is one chain of loads in which
// each address comes from the load before it, over more memory than a core's cache holds: the core
// does nothing but wait. Here several walkers start at arbitrary rows of the same block, so that as
// many loads are under way at once; each stops where another one began, and the pieces are put
// together afterwards.
//
// Owns its scratch memory (3.6 MB, and room for the pieces of which about 1 MB is touched); not
// thread-safe.
class InverseBwt {
 public:
  InverseBwt();

  // `last` is the transform's last column, 1 to k_max_block bytes; `row` < last.size() is where the
  // original stands. The original replaces it. Bytes that are no such transform give other bytes,
  // in the same time; the block's check value tells.
  void restore(std::span<std::uint8_t> last, std::uint32_t row);

 private:
  void link_rows(std::span<const std::uint8_t> last);
  void walk_alone(std::span<std::uint8_t> out, std::uint32_t row) const;
  void walk_together(std::span<std::uint8_t> out, std::uint32_t row);

  // Of each row: its first byte in the low 8 bits, above it the row that follows in the original,
  // and on top a mark if some piece begins there.
  std::unique_ptr<std::uint32_t[]> rows_;
  std::unique_ptr<std::uint8_t[]> pieces_;
  std::unique_ptr<std::uint16_t[]> piece_of_row_;  // valid for marked rows
};

}  // namespace athanor::bzip2
