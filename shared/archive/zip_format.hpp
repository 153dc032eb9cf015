#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

// The records of zip files (APPNOTE 6.3.9) as numbers.
namespace athanor::zip {

inline constexpr std::uint32_t k_local_signature = 0x04034b50;
inline constexpr std::uint32_t k_central_signature = 0x02014b50;
inline constexpr std::uint32_t k_end_signature = 0x06054b50;
inline constexpr std::uint32_t k_end64_signature = 0x06064b50;
inline constexpr std::uint32_t k_locator64_signature = 0x07064b50;
inline constexpr std::uint32_t k_descriptor_signature = 0x08074b50;

inline constexpr std::size_t k_local_bytes = 30;
inline constexpr std::size_t k_central_bytes = 46;
inline constexpr std::size_t k_end_bytes = 22;
inline constexpr std::size_t k_end64_bytes = 56;
inline constexpr std::size_t k_locator64_bytes = 20;

inline constexpr std::uint16_t k_flag_encrypted = 1U << 0U;
inline constexpr std::uint16_t k_flag_descriptor = 1U << 3U;
inline constexpr std::uint16_t k_method_stored = 0;
inline constexpr std::uint16_t k_extra_zip64 = 0x0001;
inline constexpr std::uint32_t k_in_extra = 0xffffffff;  // the number stands in the zip64 extra

// Little-endian number at an offset. REQUIRES: it lies inside.
inline std::uint64_t number_at(std::span<const std::uint8_t> bytes, std::size_t offset,
                               std::size_t length) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < length; ++i) {
    value |= static_cast<std::uint64_t>(bytes[offset + i]) << (8 * i);
  }
  return value;
}
inline std::uint16_t u16_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  return static_cast<std::uint16_t>(number_at(bytes, offset, 2));
}
inline std::uint32_t u32_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  return static_cast<std::uint32_t>(number_at(bytes, offset, 4));
}
inline std::uint64_t u64_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  return number_at(bytes, offset, 8);
}

inline void append(std::string& text, std::uint64_t value, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) {
    text += static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

}  // namespace athanor::zip
