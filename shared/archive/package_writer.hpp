#pragma once

#include "shared/archive/bzip2_encoder.hpp"
#include "shared/archive/conda_container.hpp"
#include "shared/archive/file_stream.hpp"
#include "shared/archive/member_path.hpp"
#include "shared/archive/tar_entry.hpp"
#include "shared/archive/tar_writer.hpp"
#include "shared/archive/zstd_codec.hpp"
#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace athanor {

// Writes an artifact's members, in the order in which they come, into a file that is empty at
// first. The bytes depend on the members and the level, never on threads. Not thread-safe. Errors
// are those of the file.
class PackageWriter {
 public:
  virtual ~PackageWriter() = default;
  // Begins a member. REQUIRES: the content of the one before is complete.
  virtual Result<void> begin(const TarEntry& entry) = 0;
  virtual Result<void> write(std::span<const std::uint8_t> content) = 0;
  // Completes the file and returns its size.
  virtual Result<std::uint64_t> finish() = 0;
};

class TarBz2Writer final : public PackageWriter {
 public:
  // `fd` must outlive the writer.
  TarBz2Writer(const Fd& fd, const std::filesystem::path& path, unsigned threads);

  Result<void> begin(const TarEntry& entry) override { return tar_.begin(entry); }
  Result<void> write(std::span<const std::uint8_t> content) override { return tar_.write(content); }
  Result<std::uint64_t> finish() override;

 private:
  FileSink file_;
  Bzip2Encoder bzip2_;
  TarWriter tar_;
};

// The bytes of one zip member while they are made: knows size and CRC in spite of patches.
class MemberSink : public PatchableSink {
 public:
  Result<void> write(std::span<const std::uint8_t> bytes) final;
  Result<void> patch(std::uint64_t offset, std::span<const std::uint8_t> bytes) final;

  std::uint64_t size() const { return size_; }
  std::uint32_t crc() const;

 protected:
  virtual Result<void> put(std::uint64_t offset, std::span<const std::uint8_t> bytes) = 0;

 private:
  std::vector<std::uint8_t> head_;  // the patchable front
  std::uint32_t rest_crc_ = 0;
  std::uint64_t size_ = 0;
};

// At its final place in the result.
class PlacedMember final : public MemberSink {
 public:
  PlacedMember(const Fd& fd, std::filesystem::path path, std::uint64_t offset,
               std::uint64_t max_bytes)
      : fd_(fd),
        path_(std::move(path)),
        offset_(offset),
        max_bytes_(max_bytes) {}

  // More bytes came than the limit allows, and write() failed for that.
  bool overflowed() const { return overflowed_; }

 private:
  Result<void> put(std::uint64_t offset, std::span<const std::uint8_t> bytes) override;

  const Fd& fd_;
  const std::filesystem::path path_;
  const std::uint64_t offset_;
  const std::uint64_t max_bytes_;
  bool overflowed_ = false;
};

// Until its place is known: in memory, and beyond a few megabytes in a nameless file beside the
// result.
class SpooledMember final : public MemberSink {
 public:
  explicit SpooledMember(std::filesystem::path result)
      : result_(std::move(result)) {}

  Result<void> copy_to(FileSink& sink);

 private:
  Result<void> put(std::uint64_t offset, std::span<const std::uint8_t> bytes) override;

  const std::filesystem::path result_;
  std::vector<std::uint8_t> memory_;
  Fd file_;
};

struct CondaWriterOptions {
  std::string stem;
  int zstd_level = 6;
  unsigned threads = 0;  // helpers; zstd has one of its own at least
  Zip64 zip64 = Zip64::no;
};

// The pkg- component goes straight to its place behind metadata.json, the info- component, which
// must stand behind it, is spooled. Each is one tar in one zstd frame.
class CondaWriter final : public PackageWriter {
 public:
  // `fd` must outlive the writer.
  CondaWriter(const Fd& fd, const std::filesystem::path& path, const CondaWriterOptions& options);

  Result<void> begin(const TarEntry& entry) override;
  Result<void> write(std::span<const std::uint8_t> content) override;
  Result<std::uint64_t> finish() override;

  // Writing failed only because the pkg- component needs zip64 fields: begin again with them.
  bool needs_zip64() const { return pkg_sink_.overflowed(); }

 private:
  const Fd& fd_;
  const std::filesystem::path path_;
  const CondaWriterOptions options_;
  ZipMember pkg_;
  ZipMember info_;
  PlacedMember pkg_sink_;
  SpooledMember info_sink_;
  ZstdEncoder pkg_zstd_;
  ZstdEncoder info_zstd_;
  TarWriter pkg_tar_;
  TarWriter info_tar_;
  TarWriter* current_ = nullptr;
};

}  // namespace athanor
