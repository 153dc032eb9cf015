#include "shared/os/fd.hpp"

#include "shared/os/path_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace athanor {

void Fd::reset() {
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
  }
}

Result<void> Fd::close(const std::filesystem::path& path_for_message) {
  if (fd_ >= 0 && ::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) {
    return system_error(errno, "cannot finish writing " + quoted(path_for_message));
  }
  return {};
}

Result<Fd> open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  while (true) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) {
      return Fd(fd);
    }
    if (errno != EINTR) {
      const bool creates = (flags & O_CREAT) != 0;
      return system_error(errno, (creates ? "cannot create " : "cannot open ") + quoted(path));
    }
  }
}

}  // namespace athanor
