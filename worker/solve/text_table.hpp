#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace athanor::worker::solve {

// Numbers instead of strings: the index holds hundreds of thousands of records, and a solve
// compares their names, versions and dependencies all the time.
using TextId = std::uint32_t;  // an interned string: a name, a version, a build, a spec
inline constexpr TextId k_no_text = std::numeric_limits<TextId>::max();

// Spreads well and reads eight bytes at a time. The seed keeps whoever writes an index from making
// strings that all fall together.
std::uint64_t hash_text(std::string_view text, std::uint64_t seed);

// The place where a search for a hash begins, in a table whose size is a power of two.
inline std::size_t first_slot(std::uint64_t hash, std::size_t slots) {
  return (hash >> 20U) & (slots - 1);
}

// Every distinct string once, as it lies in an index: nothing is copied. Whatever the bytes are, it
// reads only what belongs to it. Immutable, thread-safe.
class TextTable {
 public:
  struct Parts {
    std::span<const std::uint32_t> ends;   // per text; it begins where the one before ends
    std::span<const std::uint32_t> slots;  // id + 1, 0: free; a power of two
    std::string_view bytes;
    std::uint64_t seed = 0;
  };

  TextTable() = default;
  explicit TextTable(const Parts& parts)
      : parts_(parts) {}

  // k_no_text if it isn't there.
  TextId find(std::string_view text) const;
  // Empty if there is no such text.
  std::string_view operator[](TextId id) const {
    if (id >= parts_.ends.size()) {
      return {};
    }
    const std::size_t begin = id == 0 ? 0 : parts_.ends[id - 1];
    const std::size_t end = parts_.ends[id];
    return begin <= end && end <= parts_.bytes.size() ? parts_.bytes.substr(begin, end - begin)
                                                      : std::string_view();
  }
  std::size_t size() const { return parts_.ends.size(); }

 private:
  Parts parts_;
};

// Collects distinct strings. Not thread-safe.
class TextCollector {
 public:
  explicit TextCollector(std::uint64_t seed);

  TextId add(std::string_view text);
  TextTable::Parts parts() const {
    return {.ends = ends_,
            .slots = slots_,
            .bytes = std::string_view(bytes_.data(), bytes_.size()),
            .seed = seed_};
  }
  TextTable table() const { return TextTable(parts()); }
  std::size_t size() const { return ends_.size(); }
  // Of the text's content, so that it can be compared between indices.
  std::uint64_t hash(TextId id) const { return hashes_[id]; }
  // All texts together are so many bytes that their places can't be counted any more.
  bool is_full() const { return full_; }

 private:
  void grow();

  std::uint64_t seed_;
  std::vector<char> bytes_;
  std::vector<std::uint32_t> ends_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint32_t> slots_;
  bool full_ = false;
};

}  // namespace athanor::worker::solve
