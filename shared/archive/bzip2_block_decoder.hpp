#pragma once

#include "shared/archive/bzip2_bits.hpp"
#include "shared/archive/bzip2_code_table.hpp"
#include "shared/archive/bzip2_format.hpp"
#include "shared/archive/bzip2_inverse_bwt.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace athanor::bzip2 {

enum class BlockStatus {
  complete,
  incomplete,   // the data ended first; with more of it the outcome may be another
  corrupt,      // no data after it can make this a block
  unsupported,  // a block of bzip2 0.9.0 or older, made when randomisation was in use
};

struct BlockOutcome {
  BlockStatus status = BlockStatus::incomplete;
  const char* reason = "";  // what is wrong, in words, unless complete
  std::uint64_t end = 0;    // first bit after the block; of a complete one
  std::uint32_t crc = 0;    // what the block says its bytes' check value is
};

// Decodes blocks up to, not including, the undoing of the initial run-length coding: that step can
// multiply the size by fifty and is done in pieces by RunLengthExpander. Check values are compared
// there too.
//
// Scratch memory of about 5 MB, kept from block to block. Not thread-safe; one for each thread.
class BlockDecoder {
 public:
  BlockDecoder();

  // `bits` begins after the block's magic and may reach beyond the block. A complete block's bytes
  // (at most k_max_block) replace `out`; otherwise its content is unspecified.
  BlockOutcome decode(const BitRange& bits, std::vector<std::uint8_t>& out);

 private:
  struct Header;

  BlockOutcome read_header(BitCursor& cursor, Header& header);
  bool read_selectors(BitCursor& cursor);
  bool read_tables(BitCursor& cursor, unsigned alphabet);
  BlockOutcome read_symbols(const BitRange& bits, const Header& header);

  std::array<std::uint8_t, k_max_selectors> selectors_{};
  std::size_t selector_count_ = 0;
  unsigned table_count_ = 0;
  std::array<CodeTable, k_max_tables> tables_;
  std::unique_ptr<std::uint8_t[]> column_;  // what the symbols spell: the transform's last column
  std::size_t size_ = 0;                    // of it
  InverseBwt inverse_;
};

}  // namespace athanor::bzip2
