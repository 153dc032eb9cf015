#pragma once

#include "shared/archive/tar_entry.hpp"
#include "shared/base/result.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace athanor {

// How much an artifact of that many bytes may unpack to: limits::k_unpacked_ratio times as much,
// but any artifact as much as limits::k_unpacked_ratio_floor and none more than
// limits::k_unpacked_bytes.
std::uint64_t unpacked_bytes_allowed(std::uint64_t artifact_bytes);

// What one package's members must be to each other. Fed every member in order; knows which names
// were there. Memory: the names, at most limits::k_archive_names_bytes. Not thread-safe.
class MemberRules {
 public:
  explicit MemberRules(std::uint64_t artifact_bytes)
      : unpacked_allowed_(unpacked_bytes_allowed(artifact_bytes)) {}

  // rejected: too many members, names or bytes; a hard link whose target isn't a member before it;
  // a member beneath a symlink or of its name; info itself or info/index.json as anything but a
  // directory and a file, or the latter twice.
  Result<void> admit(const TarEntry& entry);
  // rejected: there was no info/index.json.
  Result<void> finish() const;

  // The number, counted from 0, of the member whose content the hard link's target has.
  // REQUIRES: the entry was admitted and is a hard link.
  std::uint64_t content_member(const TarEntry& hard_link) const;

  std::uint64_t members() const { return members_; }
  std::uint64_t unpacked_bytes() const { return unpacked_bytes_; }
  // Symlinks that point outside the package: real packages have them, so they are only counted.
  std::uint64_t outside_links() const { return outside_links_; }

 private:
  struct Known {
    MemberType type = MemberType::file;
    std::uint64_t content_member = 0;
  };

  Result<void> admit_links(const TarEntry& entry, Known& known);

  const std::uint64_t unpacked_allowed_;
  std::unordered_map<std::string, Known> known_;
  std::uint64_t names_bytes_ = 0;
  std::uint64_t members_ = 0;
  std::uint64_t unpacked_bytes_ = 0;
  std::uint64_t outside_links_ = 0;
  std::uint64_t symlinks_ = 0;
  bool has_index_ = false;
};

inline constexpr char k_index_json_path[] = "info/index.json";

}  // namespace athanor
