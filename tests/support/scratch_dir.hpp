#pragma once

#include "shared/os/temp_dir.hpp"

#include <filesystem>
#include <string_view>

namespace athanor::test {

// A directory of the test's own, gone when the test is.
class ScratchDir {
 public:
  ScratchDir();

  const std::filesystem::path& path() const { return directory_.path(); }
  std::filesystem::path operator/(std::string_view name) const { return path() / name; }

 private:
  TempDir directory_;
};

}  // namespace athanor::test
