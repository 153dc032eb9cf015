#pragma once

#include "shared/base/result.hpp"

#include <filesystem>
#include <string_view>

namespace athanor {

// A new directory, open to its owner only, that disappears with everything in it when the object
// does. Not thread-safe.
class TempDir {
 public:
  // "<parent>/<prefix>XXXXXX". The parent must exist.
  static Result<TempDir> create(const std::filesystem::path& parent, std::string_view prefix);
  // In $TMPDIR, or /tmp.
  static Result<TempDir> create(std::string_view prefix);

  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();

  const std::filesystem::path& path() const { return path_; }
  // Leaves the directory standing and gives it away.
  std::filesystem::path release();

 private:
  explicit TempDir(std::filesystem::path path);
  void remove();

  std::filesystem::path path_;  // empty once moved from or released
};

}  // namespace athanor
