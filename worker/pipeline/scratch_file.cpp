#include "worker/pipeline/scratch_file.hpp"

#include "shared/base/units.hpp"
#include "shared/os/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace athanor::worker {
namespace {

// Inputs don't always know the size; space is set aside in pieces of this.
constexpr std::uint64_t k_piece = 8_MiB;

std::uint64_t largest_size(const JobSpec& spec) {
  std::uint64_t largest = 0;
  for (const ExpectedDigest& expected : spec.expected) {
    largest = std::max(largest, expected.size.value_or(0));
  }
  return largest;
}

}  // namespace

ScratchFile::ScratchFile(JobContext& context, std::filesystem::path path, Fd fd)
    : context_(&context),
      path_(std::move(path)),
      fd_(std::move(fd)) {}

Result<ScratchFile> ScratchFile::create(JobContext& context, std::filesystem::path path) {
  ATHANOR_ASSIGN(Fd fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  ScratchFile file(context, std::move(path), std::move(fd));
  const std::uint64_t known = largest_size(context.spec);
  file.reserved_ = known > 0 ? known : k_piece;
  ATHANOR_TRY(context.scratch.reserve(file.reserved_));
  return file;
}

Result<void> ScratchFile::expect(std::uint64_t size) {
  if (size > reserved_) {
    ATHANOR_TRY(context_->scratch.reserve(size));
    reserved_ = size;
  }
  return {};
}

Result<void> ScratchFile::restart() {
  if (::ftruncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) != 0) {
    return system_error(errno, "cannot empty '" + path_.string() + "'");
  }
  static_cast<void>(hasher_.finish());
  size_ = 0;
  return {};
}

Result<void> ScratchFile::write(std::span<const std::uint8_t> bytes) {
  if (size_ + bytes.size() > reserved_) {
    reserved_ = size_ + bytes.size() + k_piece;
    ATHANOR_TRY(context_->scratch.reserve(reserved_));
  }
  ATHANOR_TRY(write_all(fd_, bytes, path_));
  hasher_.update(bytes);
  size_ += bytes.size();
  context_->progress.bytes += bytes.size();
  ++context_->progress.steps;
  return {};
}

Result<Artifact> ScratchFile::finish(Format format) {
  ATHANOR_TRY(fd_.close(path_));
  return Artifact{.path = path_, .format = format, .digest = hasher_.finish()};
}

}  // namespace athanor::worker
