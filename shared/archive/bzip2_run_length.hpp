#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace athanor::bzip2 {

// Undoes bzip2's initial run-length coding, where four equal bytes are followed by the number (0 to
// 255) of further ones. Works in pieces of the caller's size, since a block of 900 kB can become 46
// MB. Not thread-safe.
class RunLengthExpander {
 public:
  // Begins a block, whose bytes must stay where they are until it is done.
  void reset(std::span<const std::uint8_t> block);

  // Fills `out` as far as the block lasts and returns how many bytes that made.
  std::size_t expand(std::span<std::uint8_t> out);

  bool done() const { return repeats_ == 0 && at_ == block_.size(); }
  // Whether the block ended after four equal bytes, where the number is missing. No writer does it.
  bool dangling() const { return dangling_; }

 private:
  std::span<const std::uint8_t> block_;
  std::size_t at_ = 0;         // everything before it is expanded or in repeats_
  std::size_t run_floor_ = 0;  // a run of four can't begin before this
  std::size_t repeats_ = 0;    // how often `repeated_` is still to be written
  std::uint8_t repeated_ = 0;
  bool dangling_ = false;
};

}  // namespace athanor::bzip2
