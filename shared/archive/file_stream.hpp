#pragma once

#include "shared/archive/byte_stream.hpp"
#include "shared/base/result.hpp"
#include "shared/digest/digest.hpp"
#include "shared/os/fd.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

// Sources and sinks between files and codecs. None is thread-safe; several may share one file,
// since all of them read and write at offsets of their own.
namespace athanor {

// A part of a file.
class FileSource final : public ByteSource {
 public:
  // `fd` must outlive the source.
  FileSource(const Fd& fd, std::filesystem::path path, std::uint64_t offset, std::uint64_t length)
      : fd_(fd),
        path_(std::move(path)),
        offset_(offset),
        left_(length) {}

  // corrupt if the file ends before the part does.
  Result<std::size_t> read(std::span<std::uint8_t> out) override;

 private:
  const Fd& fd_;
  const std::filesystem::path path_;  // for messages
  std::uint64_t offset_;
  std::uint64_t left_;
};

// Passes bytes on and hashes them.
class HashingSource final : public ByteSource {
 public:
  explicit HashingSource(ByteSource& source)
      : source_(source) {}

  Result<std::size_t> read(std::span<std::uint8_t> out) override;
  // Of everything so far.
  Digest finish() { return hasher_.finish(); }

 private:
  ByteSource& source_;
  DigestHasher hasher_;
};

// Passes bytes on until there are too many or a stop is requested. Stands behind a decompressor, so
// that a bomb is noticed while it goes off.
class GuardedSource final : public ByteSource {
 public:
  GuardedSource(ByteSource& source, std::uint64_t max_bytes, std::stop_token stop)
      : source_(source),
        left_(max_bytes),
        stop_(std::move(stop)) {}

  // rejected beyond max_bytes; canceled.
  Result<std::size_t> read(std::span<std::uint8_t> out) override;

 private:
  ByteSource& source_;
  std::uint64_t left_;
  std::stop_token stop_;
};

// Writes all of the bytes at that offset.
Result<void> write_at(const Fd& fd, std::uint64_t offset, std::span<const std::uint8_t> bytes,
                      const std::filesystem::path& path_for_message);

// Appends to a file from an offset on.
class FileSink final : public ByteSink {
 public:
  // `fd` must outlive the sink.
  FileSink(const Fd& fd, std::filesystem::path path, std::uint64_t offset)
      : fd_(fd),
        path_(std::move(path)),
        end_(offset) {}

  Result<void> write(std::span<const std::uint8_t> bytes) override;
  // The offset of the next byte.
  std::uint64_t end() const { return end_; }

 private:
  const Fd& fd_;
  const std::filesystem::path path_;  // for messages
  std::uint64_t end_;
};

// Both hashes of a whole file.
Result<Digest> digest_of_file(const Fd& fd, const std::filesystem::path& path, std::uint64_t size,
                              const std::stop_token& stop);

inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace athanor
