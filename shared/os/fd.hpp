#pragma once

#include "shared/base/result.hpp"

#include <sys/types.h>

#include <filesystem>
#include <utility>

namespace athanor {

// Owns one file descriptor and closes it. Not thread-safe (the descriptor may be shared, the object
// may not).
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd)
      : fd_(fd) {}
  Fd(Fd&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Gives the descriptor away.
  int release() { return std::exchange(fd_, -1); }
  // Closes, ignoring what close says: for descriptors that were read or already synced.
  void reset();
  // Closes and says what close says: network file systems report lost writes here.
  Result<void> close(const std::filesystem::path& path_for_message);

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC, restarted after signals. The error names the path.
Result<Fd> open_file(const std::filesystem::path& path, int flags, mode_t mode = 0666);

}  // namespace athanor
