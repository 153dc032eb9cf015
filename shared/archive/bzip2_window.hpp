#pragma once

#include "shared/archive/byte_stream.hpp"
#include "shared/archive/bzip2_bits.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace athanor::bzip2 {

// The part of the compressed stream between what is decoded and what is read, as one piece of
// memory. Positions count from the beginning of the stream. Not thread-safe.
class Window {
 public:
  // `capacity`: most bytes it may hold; bounds what fill() can ask for.
  Window(ByteSource& source, std::size_t capacity);

  // Reads until the window reaches `end` or the source has ended. The capacity counts from the
  // last discard().
  Result<void> fill(std::uint64_t end);
  // Reads once more. False if the source has ended or the window is full.
  Result<bool> fill_some();
  // Forgets what is before `begin`.
  void discard(std::uint64_t begin);

  bool ended() const { return ended_; }
  std::uint64_t end() const { return base_ + used_; }
  // The bytes from `begin` on, as far as they are known, followed by k_input_padding others.
  std::span<const std::uint8_t> from(std::uint64_t begin) const;

 private:
  ByteSource& source_;
  const std::size_t capacity_;
  std::vector<std::uint8_t> bytes_;
  std::uint64_t base_ = 0;  // position of bytes_[0]
  std::size_t used_ = 0;    // of bytes_
  std::size_t begin_ = 0;   // of what is still needed, in bytes_
  bool ended_ = false;
};

struct Magic {
  std::uint64_t bit = 0;
  bool is_block = false;  // else the end of a stream
};

// The first of bzip2's magics whose first bit is at `from` or behind it and which lies entirely in
// `bytes`. `from` and the result count bits from the beginning of `bytes`, which are followed by
// k_input_padding others.
std::optional<Magic> find_magic(std::span<const std::uint8_t> bytes, std::uint64_t from);

}  // namespace athanor::bzip2
