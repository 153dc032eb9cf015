#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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

// Applies bzip2's initial run-length coding and cuts the data into blocks. Where it cuts depends on
// the data alone, not on the sizes of the pieces in which it comes. Not thread-safe.
class RunLengthPacker {
 public:
  // `block_size` is what a block may hold, 100,000 to 900,000 bytes.
  explicit RunLengthPacker(std::size_t block_size);

  // Takes bytes from the front of `in` until they are all taken or the block is full, and returns
  // how many. 0 for a non-empty `in` means that the block is full.
  std::size_t pack(std::span<const std::uint8_t> in);

  bool empty() const { return size_ == 0; }
  // Ends the block and moves it into `block`; the next one begins.
  void take(std::vector<std::uint8_t>& block);

 private:
  std::size_t copy_literals(std::span<const std::uint8_t> in);
  void end_run();

  const std::size_t full_;  // from this size on no run begins
  std::vector<std::uint8_t> block_;
  std::size_t size_ = 0;    // of the block so far
  std::uint8_t value_ = 0;  // the last byte taken
  std::size_t run_ = 0;     // how many of it stand there; 0 at the beginning of a block
};

}  // namespace athanor::bzip2
