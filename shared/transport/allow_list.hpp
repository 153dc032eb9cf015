#pragma once

#include "shared/base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace athanor::transport {

// What a key's owner may be. An endpoint lets in one of them.
enum class Role { worker, client };
std::string_view to_string(Role role);

// The public keys that a coordinator lets in, as a file of lines
//
//   # who may connect
//   worker         KEY  cruncher-7
//   client         KEY  nightly
//   worker,client  KEY  build-host
//
// with a comment only where a line begins with '#' (keys may hold one). A name is for people; a key
// that stands twice has both lines' roles. Value type.
class AllowList {
 public:
  // rejected: others than its owner may write the file, or it is too large; invalid: a line is
  // wrong (the message says which).
  static Result<AllowList> read(const std::filesystem::path& file);
  static Result<AllowList> parse(std::string_view text, std::string_view file_for_message);

  bool admits(Role role, const std::string& key) const;
  // Empty if the key isn't in the list or has no name.
  std::string_view name_of(const std::string& key) const;
  std::size_t size() const { return keys_.size(); }

 private:
  struct Entry {
    std::string name;
    bool worker = false;
    bool client = false;
  };
  std::map<std::string, Entry, std::less<>> keys_;
};

// The line that admits a key.
std::string allow_list_line(std::string_view roles, std::string_view key, std::string_view name);

}  // namespace athanor::transport
