#pragma once

#include <cstdint>
#include <span>

namespace athanor {

// The CRC-32 of zip files (reflected polynomial 0xEDB88320), of more bytes: begin with 0.
std::uint32_t crc32(std::uint32_t crc, std::span<const std::uint8_t> bytes);

// The CRC of two pieces one after the other, from the CRC of each and the second one's length.
std::uint32_t combine_crc32(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes);

}  // namespace athanor
