#pragma once

#include "shared/store/store.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// What the clouds' stores share: turns the pages of a delimiter listing into folder entries, and a
// range of bytes into a header.
class FolderEntries {
 public:
  // Of the folder that is listed; outlives this.
  explicit FolderEntries(std::string_view prefix)
      : prefix_(prefix) {}

  // Keys relative to the store's root. The folder's own marker object ("a/") is no entry.
  void add_object(std::string_view key);
  void add_folder(std::string_view key_with_slash);
  std::vector<Store::FolderEntry> sorted() &&;

 private:
  std::string_view prefix_;
  std::vector<Store::FolderEntry> entries_;
};

// "bytes=10-19" for what is missing of `range` after `done` bytes; absent if that is everything.
std::optional<std::string> range_header(ByteRange range, std::uint64_t done);

}  // namespace athanor
