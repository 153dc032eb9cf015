#pragma once

#include <cstddef>
#include <cstdint>

// The bzip2 format in numbers. Internal to the bzip2 codec.
namespace athanor::bzip2 {

inline constexpr std::uint64_t k_block_magic = 0x314159265359U;  // 48 bits, pi
inline constexpr std::uint64_t k_end_magic = 0x177245385090U;    // 48 bits, its square root
inline constexpr unsigned k_magic_bits = 48;
inline constexpr std::size_t k_header_bytes = 4;  // "BZh" and the level, '1' to '9'

inline constexpr std::uint32_t k_block_unit = 100'000;  // a level's block: level times this
inline constexpr std::uint32_t k_max_block = 900'000;   // bytes of a block after run-length coding
inline constexpr unsigned k_max_alphabet = 258;         // 256 values, RUNA and RUNB, end, less one
inline constexpr unsigned k_min_tables = 2;
inline constexpr unsigned k_max_tables = 6;
inline constexpr unsigned k_group_size = 50;          // symbols that share one selector
inline constexpr unsigned k_max_selectors = 18'002;   // what a block of the largest size can use
inline constexpr unsigned k_selector_limit = 32'767;  // what the 15-bit field can announce
inline constexpr unsigned k_max_code_length = 20;
// Writers stay at 17, so that four codes fit into 64 bits with room for a refill.
inline constexpr unsigned k_written_code_length = 17;

// An upper bound of a sensible block's compressed size: each of its bytes a symbol of the longest
// code, six tables with every length reached in 20 steps, and all selectors at their longest. What
// claims to be longer only plays with the lengths' up-and-down coding and is refused.
inline constexpr std::size_t k_max_compressed_block =
    ((k_max_block + std::size_t{1}) * k_max_code_length +
     k_max_tables * k_max_alphabet * std::size_t{41} + k_selector_limit * std::size_t{6}) /
        8 +
    1024;

// The stream's check value after one more block.
constexpr std::uint32_t combine_crc(std::uint32_t stream_crc, std::uint32_t block_crc) {
  return ((stream_crc << 1U) | (stream_crc >> 31U)) ^ block_crc;
}

}  // namespace athanor::bzip2
