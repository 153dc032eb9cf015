#include "shared/store/folder_entries.hpp"

#include <algorithm>

namespace athanor {

void FolderEntries::add_object(std::string_view key) {
  if (key.size() > prefix_.size()) {
    entries_.push_back({.name = std::string(key.substr(prefix_.size())), .is_folder = false});
  }
}

void FolderEntries::add_folder(std::string_view key_with_slash) {
  if (key_with_slash.size() > prefix_.size() + 1 && key_with_slash != ".athanor/tmp/") {
    std::string name(key_with_slash.substr(prefix_.size()));
    name.pop_back();
    entries_.push_back({.name = std::move(name), .is_folder = true});
  }
}

std::vector<Store::FolderEntry> FolderEntries::sorted() && {
  std::sort(entries_.begin(), entries_.end(),
            [](const Store::FolderEntry& a, const Store::FolderEntry& b) {
              return a.name != b.name ? a.name < b.name : !a.is_folder && b.is_folder;
            });
  return std::move(entries_);
}

std::optional<std::string> range_header(ByteRange range, std::uint64_t done) {
  const std::uint64_t begin = range.offset + done;
  const bool to_the_end = range.length > UINT64_MAX - range.offset;
  if (begin == 0 && to_the_end) {
    return std::nullopt;
  }
  std::string header = "bytes=" + std::to_string(begin) + "-";
  if (!to_the_end) {
    header += std::to_string(range.offset + range.length - 1);
  }
  return header;
}

}  // namespace athanor
