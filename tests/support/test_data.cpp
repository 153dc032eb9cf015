#include "tests/support/test_data.hpp"

#include <cstdlib>

namespace athanor::test {

std::optional<std::filesystem::path> test_data_dir() {
  std::filesystem::path directory;
  if (const char* named = std::getenv("ATHANOR_TEST_DATA"); named != nullptr && *named != '\0') {
    directory = named;
  } else {
    directory = std::filesystem::path(ATHANOR_SOURCE_DIR) / "../shared/data";
  }
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return std::nullopt;
  }
  return directory;
}

}  // namespace athanor::test
