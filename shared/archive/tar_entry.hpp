#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

enum class MemberType { file, directory, symlink, hard_link };
std::string_view to_string(MemberType type);  // "file", "directory", "symlink", "hard link"

// A time stamp as tar archives spell it: whole seconds since 1970 and the digits after the decimal
// point as text, without zeros at the end, so that no precision is lost or invented.
struct TarTime {
  std::uint64_t seconds = 0;
  std::string fraction = {};

  friend bool operator==(const TarTime&, const TarTime&) = default;
};

// One member of a tar archive without its content, in the one form that all dialects are reduced
// to. What the fields may hold, and what is dropped on the way, stands in FORMATS.md.
struct TarEntry {
  MemberType type = MemberType::file;
  std::string path = {};  // relative, no "." or "..", no "/" at the end; any other bytes but NUL
  std::string link_target =
      {};                  // a symlink's as it is spelled; a hard link's normalised like a path
  std::uint32_t mode = 0;  // the twelve permission bits
  std::uint64_t size = 0;  // bytes of content, holes of a sparse file included; files only
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::string user = {};
  std::string group = {};
  TarTime modified = {};
  // Further pax records that travel with the member (extended attributes), sorted by key.
  std::vector<std::pair<std::string, std::string>> attributes = {};

  friend bool operator==(const TarEntry&, const TarEntry&) = default;
};

}  // namespace athanor
