#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace athanor {

// A file that appears under its name whole or not at all. The bytes go to a temporary file in the
// same directory (".<name>.XXXXXX.tmp"); commit() makes them durable and renames. An object that
// wasn't committed takes its temporary file away. Not thread-safe.
class AtomicFile {
 public:
  // `mode` is subject to the umask.
  static Result<AtomicFile> create(std::filesystem::path target, mode_t mode = 0666);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Result<void> write(std::span<const std::uint8_t> bytes);
  Result<void> write(std::string_view bytes);
  // Replaces what stands under the name. On disk (file and directory entry) when it returns.
  Result<void> commit();

 private:
  AtomicFile(std::filesystem::path target, std::filesystem::path temporary, Fd fd);

  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once committed or moved from
  Fd fd_;
};

// The whole file at once.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                                   mode_t mode = 0666);

// A new, empty file "<directory>/<prefix>XXXXXX<suffix>", never one that exists. `mode` is subject
// to the umask (mkstemp's 0600 would shut other readers of a shared store out).
struct UniqueFile {
  std::filesystem::path path;
  Fd fd;
};
Result<UniqueFile> create_unique_file(const std::filesystem::path& directory,
                                      std::string_view prefix, std::string_view suffix,
                                      mode_t mode = 0666);

}  // namespace athanor
