#pragma once

#include "shared/archive/bzip2_bits.hpp"
#include "shared/archive/bzip2_code_plan.hpp"
#include "shared/archive/bzip2_forward_bwt.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace athanor::bzip2 {

// Encodes blocks that have been run-length coded. Scratch memory of about 8 MB at the largest block
// size, kept from block to block. Not thread-safe; one for each thread.
class BlockEncoder {
 public:
  // Replaces `out` by the bits of the block, its magic included; `crc` is the check value of what
  // the block was before the run-length coding. False if there is no memory for sorting.
  // REQUIRES: 1 to k_max_block bytes.
  bool encode(std::span<const std::uint8_t> block, std::uint32_t crc, BitWriter& out);

 private:
  void find_used(std::span<const std::uint8_t> block);
  void make_symbols();
  void write_used(BitWriter& out) const;
  void write_selectors(BitWriter& out) const;
  void write_tables(BitWriter& out) const;
  void write_symbols(BitWriter& out) const;

  ForwardBwt forward_;
  CodePlan plan_;
  std::vector<std::uint8_t> column_;    // the transform's last column
  std::vector<std::uint16_t> symbols_;  // what it is written as
  std::array<bool, 256> used_{};        // byte values that occur
  unsigned values_ = 0;                 // how many
};

}  // namespace athanor::bzip2
