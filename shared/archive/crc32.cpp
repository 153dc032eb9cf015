#include "shared/archive/crc32.hpp"

#include <array>
#include <cstddef>

namespace athanor {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? (value >> 1U) ^ 0xedb88320U : value >> 1U;
    }
    tables[0][byte] = value;
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    for (std::size_t step = 1; step < tables.size(); ++step) {
      const std::uint32_t before = tables[step - 1][byte];
      tables[step][byte] = (before >> 8U) ^ tables[0][before & 0xffU];
    }
  }
  return tables;
}

constexpr Tables k_tables = make_tables();

std::uint32_t load_little_endian(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8U |
         static_cast<std::uint32_t>(bytes[2]) << 16U | static_cast<std::uint32_t>(bytes[3]) << 24U;
}

// A linear map of 32 bits to 32 bits: what happens to a CRC when a number of zeros follows.
using Matrix = std::array<std::uint32_t, 32>;

std::uint32_t apply(const Matrix& matrix, std::uint32_t bits) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; bits != 0; ++i, bits >>= 1U) {
    sum ^= (bits & 1U) != 0 ? matrix[i] : 0;
  }
  return sum;
}

Matrix squared(const Matrix& matrix) {
  Matrix square{};
  for (std::size_t i = 0; i < square.size(); ++i) {
    square[i] = apply(matrix, matrix[i]);
  }
  return square;
}

// One zero bit.
Matrix one_zero_bit() {
  Matrix matrix{};
  matrix[0] = 0xedb88320U;
  for (std::size_t i = 1; i < matrix.size(); ++i) {
    matrix[i] = 1U << (i - 1);
  }
  return matrix;
}

}  // namespace

std::uint32_t crc32(std::uint32_t crc, std::span<const std::uint8_t> bytes) {
  std::uint32_t state = ~crc;
  const std::uint8_t* next = bytes.data();
  std::size_t left = bytes.size();
  // Eight tables let eight bytes be looked up independently of each other.
  for (; left >= 8; left -= 8, next += 8) {
    const std::uint32_t low = load_little_endian(next) ^ state;
    const std::uint32_t high = load_little_endian(next + 4);
    state = k_tables[7][low & 0xffU] ^ k_tables[6][(low >> 8U) & 0xffU] ^
            k_tables[5][(low >> 16U) & 0xffU] ^ k_tables[4][low >> 24U] ^
            k_tables[3][high & 0xffU] ^ k_tables[2][(high >> 8U) & 0xffU] ^
            k_tables[1][(high >> 16U) & 0xffU] ^ k_tables[0][high >> 24U];
  }
  for (; left > 0; --left, ++next) {
    state = (state >> 8U) ^ k_tables[0][(state ^ *next) & 0xffU];
  }
  return ~state;
}

std::uint32_t combine_crc32(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) {
  // Squaring doubles the number of zeros that a matrix stands for; the length's bits choose.
  Matrix zeros = squared(squared(squared(one_zero_bit())));
  for (; second_bytes != 0; second_bytes >>= 1U, zeros = squared(zeros)) {
    if ((second_bytes & 1U) != 0) {
      first = apply(zeros, first);
    }
  }
  return first ^ second;
}

}  // namespace athanor
