#pragma once

#include "shared/base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

struct DiskSpace {
  std::uint64_t free_bytes = 0;   // what this user may still write
  std::uint64_t total_bytes = 0;  // of the file system
};
// Of the file system that holds an existing path.
Result<DiskSpace> disk_space(const std::filesystem::path& path);

// "localhost" if the system won't say.
std::string host_name();
// The name of the user who runs the process; "uid 1000" if it has none.
std::string user_name();
// How many processors this process may use: affinity and the cgroup's quota (both versions)
// respected; at least 1.
unsigned cpu_count();

// Looks an environment variable up; empty counts as set. A parameter wherever the environment
// matters, so that tests own it.
using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view name)>;
EnvironmentLookup process_environment();

}  // namespace athanor
