#pragma once

#include <cstdint>
#include <span>

namespace athanor {

// The CRC-32 of zip files (reflected polynomial 0xEDB88320), of more bytes: begin with 0.
std::uint32_t crc32(std::uint32_t crc, std::span<const std::uint8_t> bytes);

}  // namespace athanor
