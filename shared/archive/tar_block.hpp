#pragma once

#include "shared/base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// The 512 byte block that tar archives are made of, as fields.
namespace athanor {

inline constexpr std::size_t k_tar_block_bytes = 512;
// What the eleven octal digits of a size or time field can say.
inline constexpr std::uint64_t k_tar_octal_max = 077777777777;

struct TarField {
  std::size_t offset;
  std::size_t length;
};

// Where the fields of a ustar header stand (POSIX.1-2017, pax, "ustar Interchange Format").
namespace tar_field {
inline constexpr TarField k_name{0, 100};
inline constexpr TarField k_mode{100, 8};
inline constexpr TarField k_uid{108, 8};
inline constexpr TarField k_gid{116, 8};
inline constexpr TarField k_size{124, 12};
inline constexpr TarField k_mtime{136, 12};
inline constexpr TarField k_checksum{148, 8};
inline constexpr TarField k_type{156, 1};
inline constexpr TarField k_link{157, 100};
inline constexpr TarField k_magic{257, 8};
inline constexpr TarField k_user{265, 32};
inline constexpr TarField k_group{297, 32};
inline constexpr TarField k_device_major{329, 8};
inline constexpr TarField k_device_minor{337, 8};
inline constexpr TarField k_prefix{345, 155};
}  // namespace tar_field

enum class TarDialect { v7, ustar, gnu };

// A view of one header block. Reads never leave the block.
class TarBlock {
 public:
  explicit TarBlock(std::span<const std::uint8_t, k_tar_block_bytes> bytes)
      : bytes_(bytes) {}

  bool is_zero() const;
  // The stored checksum is that of the bytes, summed unsigned or (by some old writers) signed.
  bool checksum_holds() const;
  TarDialect dialect() const;
  char type() const { return static_cast<char>(bytes_[tar_field::k_type.offset]); }
  // The bytes up to the first NUL or the field's end.
  std::string_view text(TarField field) const;
  // An octal or base-256 number. Absent if it is neither. Negative numbers, which only base-256 can
  // spell, are read as 0: no conda client can do anything with them.
  std::optional<std::uint64_t> number(TarField field) const;
  std::span<const std::uint8_t> raw(TarField field) const {
    return bytes_.subspan(field.offset, field.length);
  }

 private:
  std::span<const std::uint8_t, k_tar_block_bytes> bytes_;
};

// A header block in the making, all zeros at first.
class TarBlockBuilder {
 public:
  // Cut to the field's length.
  void text(TarField field, std::string_view value);
  // Octal digits with a final NUL. REQUIRES: it fits.
  void number(TarField field, std::uint64_t value);
  // Magic, version and checksum; the block is complete.
  std::span<const std::uint8_t, k_tar_block_bytes> finish();

 private:
  std::array<std::uint8_t, k_tar_block_bytes> bytes_{};
};

}  // namespace athanor
