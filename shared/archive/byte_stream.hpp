#pragma once

#include "shared/base/result.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

// How bytes flow between the parts of this module: a reader pulls from a ByteSource, a writer
// pushes into a ByteSink. Neither is thread-safe; each part calls its neighbour only from the
// thread that calls the part itself.
namespace athanor {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Puts between 1 and out.size() bytes at the front of `out` and returns how many; 0 means that
  // the source has ended (and stays so). `out` must not be empty. After an error the source is
  // dead: further calls return an error as well.
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Takes all of the bytes or fails. After an error the sink is dead.
  virtual Result<void> write(std::span<const std::uint8_t> bytes) = 0;
};

// Reads from memory that must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::uint8_t> bytes)
      : rest_(bytes) {}

  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const std::size_t count = std::min(out.size(), rest_.size());
    if (count > 0) {
      std::memcpy(out.data(), rest_.data(), count);
    }
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

// Appends to a vector that must outlive it. The caller bounds what is written.
class MemorySink final : public ByteSink {
 public:
  explicit MemorySink(std::vector<std::uint8_t>& bytes)
      : bytes_(bytes) {}

  Result<void> write(std::span<const std::uint8_t> bytes) override {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return {};
  }

 private:
  std::vector<std::uint8_t>& bytes_;
};

}  // namespace athanor
