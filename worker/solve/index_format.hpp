#pragma once

#include "worker/solve/package_index.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

// How an index lies in its file: a header, then sections, each at a multiple of 8 bytes. It is a
// cache of this machine's: numbers are as the processor has them, and a file of another version is
// made anew.
namespace athanor::worker::solve {

// "ATHNIX01" as the processor reads it: a machine with another order of bytes finds another number.
inline constexpr std::uint64_t k_index_magic = 0x31305849'4e485441U;

enum class IndexSection : std::uint8_t {
  description,  // repos and notes
  text_ends,
  text_slots,
  text_bytes,
  records,
  files,
  twins,
  specs,
  names,
  name_of_text,
};
inline constexpr std::size_t k_index_sections = 10;

struct IndexHeader {
  struct Section {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  std::uint64_t magic = k_index_magic;
  std::uint64_t seed = 0;
  std::uint64_t bytes = 0;  // of the whole file
  std::array<Section, k_index_sections> sections{};

  Section& operator[](IndexSection section) { return sections[static_cast<std::size_t>(section)]; }
  const Section& operator[](IndexSection section) const {
    return sections[static_cast<std::size_t>(section)];
  }
};

enum KnownBits : std::uint32_t {
  k_known_md5 = 1,
  k_known_sha256 = 2,
  k_known_size = 4,
  k_is_conda = 8,
};

}  // namespace athanor::worker::solve
