#include "shared/archive/file_stream.hpp"

#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace athanor {

Result<std::size_t> FileSource::read(std::span<std::uint8_t> out) {
  const auto wanted = std::min<std::uint64_t>(out.size(), left_);
  if (wanted == 0) {
    return std::size_t{0};
  }
  ATHANOR_ASSIGN(const std::size_t count, read_at(fd_, offset_, out.first(wanted), path_));
  if (count == 0) {
    return make_error(ErrorKind::corrupt, quoted(path_) + " became shorter while it was read");
  }
  offset_ += count;
  left_ -= count;
  return count;
}

Result<std::size_t> HashingSource::read(std::span<std::uint8_t> out) {
  ATHANOR_ASSIGN(const std::size_t count, source_.read(out));
  hasher_.update(out.first(count));
  return count;
}

Result<std::size_t> GuardedSource::read(std::span<std::uint8_t> out) {
  if (stop_.stop_requested()) {
    return make_error(ErrorKind::canceled, "stopped while an archive was read");
  }
  ATHANOR_ASSIGN(const std::size_t count, source_.read(out));
  if (count > left_) {
    return make_error(ErrorKind::rejected,
                      "the archive unpacks to far more than its size lets expect",
                      "it looks like a decompression bomb; don't use it");
  }
  left_ -= count;
  return count;
}

Result<void> write_at(const Fd& fd, std::uint64_t offset, std::span<const std::uint8_t> bytes,
                      const std::filesystem::path& path_for_message) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return system_error(errno, "cannot write " + quoted(path_for_message));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> FileSink::write(std::span<const std::uint8_t> bytes) {
  ATHANOR_TRY(write_at(fd_, end_, bytes, path_));
  end_ += bytes.size();
  return {};
}

Result<Digest> digest_of_file(const Fd& fd, const std::filesystem::path& path, std::uint64_t size,
                              const std::stop_token& stop) {
  FileSource file(fd, path, 0, size);
  GuardedSource guarded(file, size, stop);
  HashingSource hashed(guarded);
  std::vector<std::uint8_t> buffer(256_KiB);
  for (std::size_t count = 1; count > 0;) {
    ATHANOR_ASSIGN(count, hashed.read(buffer));
  }
  return hashed.finish();
}

}  // namespace athanor
