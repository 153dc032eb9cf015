#pragma once

#include "shared/archive/bzip2_bits.hpp"
#include "shared/archive/bzip2_block_decoder.hpp"
#include "shared/archive/bzip2_crc.hpp"
#include "shared/archive/bzip2_format.hpp"
#include "shared/archive/bzip2_run_length.hpp"

#include <cstdint>
#include <vector>

// Check values stop nearly every altered stream, so that a fuzzer would never get behind them. Here
// they are set to what they would have to be, as far as the data can be decoded.
namespace athanor::test {

inline void set_bits(std::vector<std::uint8_t>& bytes, std::uint64_t at, std::uint32_t value) {
  for (unsigned i = 0; i < 32; ++i) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> ((at + i) & 7U));
    std::uint8_t& byte = bytes[(at + i) >> 3U];
    const bool one = (value >> (31U - i) & 1U) != 0;
    byte = static_cast<std::uint8_t>(one ? byte | mask : byte & ~mask);
  }
}

inline std::uint32_t expanded_crc(const std::vector<std::uint8_t>& block) {
  bzip2::RunLengthExpander expander;
  expander.reset(block);
  bzip2::Crc crc;
  std::vector<std::uint8_t> piece(65536);
  while (!expander.done()) {
    crc.update(std::span(piece).first(expander.expand(piece)));
  }
  return crc.value();
}

inline void repair_check_values(std::vector<std::uint8_t>& bytes) {
  const std::uint64_t end = bytes.size() * 8;
  bytes.resize(bytes.size() + bzip2::k_input_padding);
  bzip2::BlockDecoder decoder;
  std::vector<std::uint8_t> block;
  std::uint64_t at = bzip2::k_header_bytes * 8;
  std::uint32_t stream_crc = 0;
  while (at + bzip2::k_magic_bits + 32 <= end) {
    bzip2::BitCursor cursor({bytes.data(), at, end});
    const std::uint64_t magic = cursor.take(bzip2::k_magic_bits);
    at += bzip2::k_magic_bits;
    if (magic == bzip2::k_end_magic) {
      set_bits(bytes, at, stream_crc);
      stream_crc = 0;
      at = (at + 32 + 7) / 8 * 8 + bzip2::k_header_bytes * 8;
      continue;
    }
    if (magic != bzip2::k_block_magic) {
      break;
    }
    const bzip2::BlockOutcome outcome = decoder.decode({bytes.data(), at, end}, block);
    if (outcome.status != bzip2::BlockStatus::complete) {
      break;
    }
    const std::uint32_t crc = expanded_crc(block);
    set_bits(bytes, at, crc);
    stream_crc = bzip2::combine_crc(stream_crc, crc);
    at = outcome.end;
  }
  bytes.resize(end / 8);
}

}  // namespace athanor::test
