#pragma once

#include "shared/archive/bzip2_bits.hpp"
#include "shared/archive/bzip2_block_decoder.hpp"
#include "shared/archive/bzip2_crc.hpp"
#include "shared/archive/bzip2_format.hpp"
#include "shared/archive/bzip2_run_length.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// Streams that no compressor makes, written symbol by symbol.
namespace athanor::test {

struct ForgedBlock {
  // Each symbol is written as a byte of its own value, so that the payload spells whatever a test
  // wants: 0 and 1 are run digits, 255 ends the block, the others move to the front.
  std::vector<std::uint8_t> symbols;
  std::size_t selectors = 0;  // how many to announce; 0: as many as needed
  bool randomised = false;
};

inline void put_magic(bzip2::BitWriter& out, std::uint64_t magic) {
  out.put(magic >> 24U, 24);
  out.put(magic & 0xffffffU, 24);
}

// The block's bits, with whatever check value is given.
inline void put_forged_block(bzip2::BitWriter& out, const ForgedBlock& block, std::uint32_t crc) {
  put_magic(out, bzip2::k_block_magic);
  out.put(crc, 32);
  out.put(block.randomised ? 1 : 0, 1);
  out.put(0, 24);       // the original is the first row
  out.put(0xffff, 16);  // 254 values: all but the last two
  for (int range = 0; range < 16; ++range) {
    out.put(range < 15 ? 0xffff : 0xfffc, 16);
  }
  out.put(2, 3);  // code tables, which are equal: all 256 symbols have eight bits
  const std::size_t needed = (block.symbols.size() + 1 + 49) / 50;
  const std::size_t selectors = block.selectors == 0 ? needed : block.selectors;
  out.put(selectors, 15);
  for (std::size_t i = 0; i < selectors; ++i) {
    out.put(0, 1);
  }
  for (int table = 0; table < 2; ++table) {
    out.put(8, 5);
    for (int symbol = 0; symbol < 256; ++symbol) {
      out.put(0, 1);
    }
  }
  for (const std::uint8_t symbol : block.symbols) {
    out.put(symbol, 8);
  }
  out.put(255, 8);
}

// The check value that makes the block right, found by decoding it.
inline std::uint32_t forged_crc(const ForgedBlock& block) {
  bzip2::BitWriter bits;
  put_forged_block(bits, block, 0);
  bits.flush();
  std::vector<std::uint8_t> padded(bits.data(), bits.data() + (bits.bits() + 7) / 8);
  padded.resize(padded.size() + bzip2::k_input_padding);
  bzip2::BlockDecoder decoder;
  std::vector<std::uint8_t> column;
  decoder.decode({padded.data(), bzip2::k_magic_bits, bits.bits()}, column);
  bzip2::RunLengthExpander expander;
  expander.reset(column);
  bzip2::Crc crc;
  std::vector<std::uint8_t> piece(1000);
  while (!expander.done()) {
    crc.update(std::span(piece).first(expander.expand(piece)));
  }
  return crc.value();
}

inline std::vector<std::uint8_t> forge_stream(std::span<const ForgedBlock> blocks) {
  bzip2::BitWriter out;
  for (const char c : {'B', 'Z', 'h', '9'}) {
    out.put(static_cast<std::uint8_t>(c), 8);
  }
  std::uint32_t stream_crc = 0;
  for (const ForgedBlock& block : blocks) {
    const std::uint32_t crc = forged_crc(block);
    put_forged_block(out, block, crc);
    stream_crc = bzip2::combine_crc(stream_crc, crc);
  }
  put_magic(out, bzip2::k_end_magic);
  out.put(stream_crc, 32);
  out.put(0, static_cast<unsigned>((8 - out.bits() % 8) % 8));
  out.flush();
  return {out.data(), out.data() + out.bits() / 8};
}

}  // namespace athanor::test
