#pragma once

#include "shared/archive/byte_stream.hpp"
#include "shared/archive/tar_entry.hpp"
#include "shared/base/result.hpp"

#include <cstdint>
#include <span>

namespace athanor {

// Writes a tar archive in the one dialect of ours: ustar headers, and a pax header in front of a
// member only where ustar can't say something (FORMATS.md). The bytes depend on the entries and
// contents alone. Not thread-safe. Errors are the sink's.
class TarWriter {
 public:
  // `sink` must outlive the writer.
  explicit TarWriter(ByteSink& sink)
      : sink_(sink) {}

  // Begins a member. REQUIRES: the one before is complete.
  Result<void> begin(const TarEntry& entry);
  // The next bytes of its content. REQUIRES: no more than its size in all.
  Result<void> write(std::span<const std::uint8_t> content);
  // The end marker, filled up to a record of 10 KiB as Python's tarfile does.
  Result<void> finish();

 private:
  Result<void> put(std::span<const std::uint8_t> bytes);
  Result<void> pad(std::uint64_t multiple);

  ByteSink& sink_;
  std::uint64_t written_ = 0;  // bytes of archive
  std::uint64_t left_ = 0;     // bytes of content that the current member still needs
};

}  // namespace athanor
