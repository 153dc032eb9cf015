#pragma once

#include <filesystem>
#include <optional>

namespace athanor::test {

// Real-world input that isn't part of the project: the directory in $ATHANOR_TEST_DATA, or
// "../shared/data" beside the project. Absent if there is none; a test that needs it then skips
// with k_no_test_data.
std::optional<std::filesystem::path> test_data_dir();

inline constexpr const char* k_no_test_data =
    "no real-world data here: set ATHANOR_TEST_DATA to its directory";

}  // namespace athanor::test
