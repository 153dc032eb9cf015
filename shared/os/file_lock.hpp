#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <filesystem>
#include <optional>

namespace athanor {

// An advisory lock between processes, held until the object goes or the process dies. The lock file
// is created if needed and stays. Not thread-safe.
class FileLock {
 public:
  enum class Mode { shared, exclusive };

  // Waits until the lock is there.
  static Result<FileLock> acquire(const std::filesystem::path& path, Mode mode);
  // Absent if somebody else holds it now.
  static Result<std::optional<FileLock>> try_acquire(const std::filesystem::path& path, Mode mode);

 private:
  explicit FileLock(Fd fd);

  Fd fd_;  // closing it releases the lock
};

}  // namespace athanor
