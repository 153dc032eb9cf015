#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace athanor::worker::solve {

// Reads MessagePack value by value, without a tree: what a shard of an index is written in.
// Whatever the bytes are, it stays within them; after the first thing that isn't as expected
// everything it gives is empty, and good() is false. Texts are the buffer's. Not thread-safe.
class MsgpackReader {
 public:
  enum class Kind { nothing, boolean, number, real, text, bytes, array, map, other };

  explicit MsgpackReader(std::string_view document)
      : rest_(document) {}

  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }

  // Of the next value. `nothing` stands for nil as well as for what is no MessagePack.
  Kind kind() const;
  // How many items or pairs follow. 0 unless the next value is one.
  std::size_t array();
  std::size_t map();
  std::string_view text();  // a text, or bytes
  std::uint64_t number();   // negative ones are 0
  void skip();              // the next value, whatever it is

 private:
  std::uint8_t next() const { return static_cast<std::uint8_t>(rest_.front()); }
  std::uint64_t take(std::size_t bytes);
  std::string_view raw(std::size_t bytes);
  std::size_t count(std::uint8_t fixed, std::uint8_t fixed_mask, std::uint8_t two_bytes,
                    std::size_t least_bytes);
  std::size_t skip_one();
  void fail();

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace athanor::worker::solve
