#include "shared/os/file_lock.hpp"

#include "shared/os/path_text.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace athanor {
namespace {

Result<std::optional<Fd>> lock(const std::filesystem::path& path, int operation) {
  ATHANOR_ASSIGN(Fd fd, open_file(path, O_RDWR | O_CREAT));
  while (::flock(fd.get(), operation) != 0) {
    if (errno == EWOULDBLOCK) {
      return std::optional<Fd>();
    }
    if (errno != EINTR) {
      return system_error(errno, "cannot lock " + quoted(path));
    }
  }
  return std::optional(std::move(fd));
}

int operation_of(FileLock::Mode mode) {
  return mode == FileLock::Mode::shared ? LOCK_SH : LOCK_EX;
}

}  // namespace

FileLock::FileLock(Fd fd)
    : fd_(std::move(fd)) {}

Result<FileLock> FileLock::acquire(const std::filesystem::path& path, Mode mode) {
  ATHANOR_ASSIGN(std::optional<Fd> fd, lock(path, operation_of(mode)));
  ATHANOR_CHECK(fd.has_value());
  return FileLock(std::move(*fd));
}

Result<std::optional<FileLock>> FileLock::try_acquire(const std::filesystem::path& path,
                                                      Mode mode) {
  ATHANOR_ASSIGN(std::optional<Fd> fd, lock(path, operation_of(mode) | LOCK_NB));
  if (!fd) {
    return std::optional<FileLock>();
  }
  return std::optional(FileLock(std::move(*fd)));
}

}  // namespace athanor
