#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace athanor {

// One stored member of a zip file: its bytes stand in the file as they are.
struct ZipMember {
  std::string name;
  std::uint64_t offset = 0;  // of its bytes in the file
  std::uint64_t size = 0;
  std::uint32_t crc = 0;

  friend bool operator==(const ZipMember&, const ZipMember&) = default;
};

// The members of a zip file, in the order of their bytes. Strict, because readers that go by the
// directory at the end and readers that go by the headers in front must see the same: both agree
// about every member, members don't overlap, and nothing stands before, between or behind them.
// zip64 and data descriptors are read.
//
// Errors: corrupt (truncated, malformed), rejected (any of the above; compressed or encrypted
// members, which some conda clients refuse).
Result<std::vector<ZipMember>> read_zip_directory(const Fd& fd, const std::filesystem::path& path,
                                                  std::uint64_t file_size);

}  // namespace athanor
