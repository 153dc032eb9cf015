#include "shared/archive/tar_block.hpp"

#include "shared/base/check.hpp"

#include <algorithm>
#include <cstring>

namespace athanor {
namespace {

std::optional<std::uint64_t> base256(std::span<const std::uint8_t> bytes) {
  if ((bytes[0] & 0x40U) != 0) {
    return 0;  // negative
  }
  std::uint64_t value = bytes[0] & 0x3fU;
  for (const std::uint8_t byte : bytes.subspan(1)) {
    if (value >> 56U != 0) {
      return std::nullopt;
    }
    value = value << 8U | byte;
  }
  return value;
}

std::optional<std::uint64_t> octal(std::span<const std::uint8_t> bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && bytes[at] == ' ') {
    ++at;
  }
  std::uint64_t value = 0;
  for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '7'; ++at) {
    value = value << 3U | static_cast<std::uint64_t>(bytes[at] - '0');
  }
  const bool ended = at == bytes.size() || bytes[at] == ' ' || bytes[at] == 0;
  return ended ? std::optional(value) : std::nullopt;
}

}  // namespace

bool TarBlock::is_zero() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool TarBlock::checksum_holds() const {
  std::int64_t unsigned_sum = 0;
  std::int64_t signed_sum = 0;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    const bool in_checksum = i >= tar_field::k_checksum.offset &&
                             i < tar_field::k_checksum.offset + tar_field::k_checksum.length;
    const std::uint8_t byte = in_checksum ? std::uint8_t{' '} : bytes_[i];
    unsigned_sum += byte;
    signed_sum += static_cast<std::int8_t>(byte);
  }
  const auto stored = octal(raw(tar_field::k_checksum));
  if (!stored) {
    return false;
  }
  const auto sum = static_cast<std::int64_t>(*stored);
  return sum == unsigned_sum || sum == signed_sum;
}

TarDialect TarBlock::dialect() const {
  const auto magic = raw(tar_field::k_magic);
  if (std::memcmp(magic.data(), "ustar ", 6) == 0) {
    return TarDialect::gnu;
  }
  return std::memcmp(magic.data(), "ustar", 6) == 0 ? TarDialect::ustar : TarDialect::v7;
}

std::string_view TarBlock::text(TarField field) const {
  const auto bytes = raw(field);
  const auto end = std::find(bytes.begin(), bytes.end(), std::uint8_t{0});
  return {reinterpret_cast<const char*>(bytes.data()),
          static_cast<std::size_t>(end - bytes.begin())};
}

std::optional<std::uint64_t> TarBlock::number(TarField field) const {
  const auto bytes = raw(field);
  return (bytes[0] & 0x80U) != 0 ? base256(bytes) : octal(bytes);
}

void TarBlockBuilder::text(TarField field, std::string_view value) {
  const std::size_t length = std::min(value.size(), field.length);
  std::copy_n(value.begin(), length, bytes_.begin() + static_cast<std::ptrdiff_t>(field.offset));
}

void TarBlockBuilder::number(TarField field, std::uint64_t value) {
  for (std::size_t digit = field.length - 1; digit > 0; --digit) {
    bytes_[field.offset + digit - 1] = static_cast<std::uint8_t>('0' + (value & 7U));
    value >>= 3U;
  }
  ATHANOR_CHECK(value == 0);
}

std::span<const std::uint8_t, k_tar_block_bytes> TarBlockBuilder::finish() {
  constexpr std::string_view k_magic_and_version{"ustar\00000", 8};
  constexpr TarField k_checksum_digits{tar_field::k_checksum.offset, 7};
  text(tar_field::k_magic, k_magic_and_version);
  text(tar_field::k_checksum, "        ");
  std::uint64_t sum = 0;
  for (const std::uint8_t byte : bytes_) {
    sum += byte;
  }
  number(k_checksum_digits, sum);
  bytes_[k_checksum_digits.offset + 6] = 0;
  return bytes_;
}

}  // namespace athanor
