#include "shared/archive/bzip2_crc.hpp"

#include "shared/archive/bzip2_bits.hpp"

#include <array>
#include <cstddef>

namespace athanor::bzip2 {
namespace {

constexpr std::size_t k_slices = 16;

using Tables = std::array<std::array<std::uint32_t, 256>, k_slices>;

// tables[k][b] is what byte b does to the register when k more bytes follow it.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i << 24U;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x80000000U) != 0 ? (crc << 1U) ^ 0x04c11db7U : crc << 1U;
    }
    tables[0][i] = crc;
  }
  for (std::size_t k = 1; k < k_slices; ++k) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t before = tables[k - 1][i];
      tables[k][i] = (before << 8U) ^ tables[0][before >> 24U];
    }
  }
  return tables;
}

constexpr Tables k_tables = make_tables();

// The joint effect of four bytes (the first one the most significant) that `after` bytes follow.
std::uint32_t slice(std::uint32_t word, std::size_t after) {
  return k_tables[after + 3][word >> 24U] ^ k_tables[after + 2][(word >> 16U) & 0xffU] ^
         k_tables[after + 1][(word >> 8U) & 0xffU] ^ k_tables[after][word & 0xffU];
}

}  // namespace

void Crc::update(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = state_;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= k_slices; left -= k_slices, at += k_slices) {
    const std::uint64_t first = load_big_endian(at);
    const std::uint64_t second = load_big_endian(at + 8);
    crc = slice(static_cast<std::uint32_t>(first >> 32U) ^ crc, 12) ^
          slice(static_cast<std::uint32_t>(first), 8) ^
          slice(static_cast<std::uint32_t>(second >> 32U), 4) ^
          slice(static_cast<std::uint32_t>(second), 0);
  }
  for (; left > 0; --left, ++at) {
    crc = (crc << 8U) ^ k_tables[0][(crc >> 24U) ^ *at];
  }
  state_ = crc;
}

}  // namespace athanor::bzip2
