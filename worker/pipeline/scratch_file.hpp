#pragma once

#include "shared/base/result.hpp"
#include "shared/digest/digest.hpp"
#include "shared/os/fd.hpp"
#include "worker/pipeline/job_context.hpp"

#include <cstdint>
#include <filesystem>
#include <span>

namespace athanor::worker {

// A file in the scratch folder that is hashed as it is written. Sets disk space aside as it grows.
// Not thread-safe.
class ScratchFile {
 public:
  // Begins the file anew if it exists.
  static Result<ScratchFile> create(JobContext& context, std::filesystem::path path);

  // Sets space aside for a file of so many bytes, 0 if that isn't known, before they come.
  Result<void> expect(std::uint64_t size);
  // Empties the file.
  Result<void> restart();
  Result<void> write(std::span<const std::uint8_t> bytes);
  std::uint64_t size() const { return size_; }
  // The digest of what was written; nothing more may be written.
  Result<Artifact> finish(Format format);

 private:
  ScratchFile(JobContext& context, std::filesystem::path path, Fd fd);

  JobContext* context_;
  std::filesystem::path path_;
  Fd fd_;
  DigestHasher hasher_;
  std::uint64_t size_ = 0;      // bytes
  std::uint64_t reserved_ = 0;  // bytes
};

}  // namespace athanor::worker
