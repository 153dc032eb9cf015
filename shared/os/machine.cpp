#include "shared/os/machine.hpp"

#include "shared/base/strings.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <pwd.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <vector>

namespace athanor {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> number_in_file(const std::filesystem::path& path) {
  const auto text = read_file(path, 256);
  return text ? number(trim(text.value())) : std::nullopt;
}

// Quota ÷ period, rounded up; absent if there is none. Inside a container the own group is the
// root of what is mounted.
std::optional<unsigned> cgroup_cpus() {
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> period;
  if (const auto text = read_file("/sys/fs/cgroup/cpu.max", 256)) {
    const auto parts = split(trim(text.value()), ' ');
    if (parts.size() == 2) {
      quota = number(parts[0]);  // "max" is no number: no limit
      period = number(parts[1]);
    }
  } else {
    quota = number_in_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    period = number_in_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  }
  if (!quota || !period || *quota <= 0 || *period <= 0) {
    return std::nullopt;
  }
  return static_cast<unsigned>(std::min<std::int64_t>((*quota + *period - 1) / *period, 1 << 16));
}

}  // namespace

Result<DiskSpace> disk_space(const std::filesystem::path& path) {
  struct statvfs status {};
  while (::statvfs(path.c_str(), &status) != 0) {
    if (errno != EINTR) {
      return system_error(errno, "cannot ask for the free space of " + quoted(path));
    }
  }
  const std::uint64_t block = status.f_frsize;
  return DiskSpace{.free_bytes = status.f_bavail * block, .total_bytes = status.f_blocks * block};
}

std::string host_name() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0 || buffer[0] == '\0') {
    return "localhost";
  }
  return buffer.data();
}

std::string user_name() {
  const uid_t uid = ::geteuid();
  std::vector<char> buffer(16'384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return "uid " + std::to_string(uid);
}

unsigned cpu_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  unsigned count = 1;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    count = static_cast<unsigned>(CPU_COUNT(&set));
  } else if (const long online = ::sysconf(_SC_NPROCESSORS_ONLN); online > 0) {
    count = static_cast<unsigned>(online);
  }
  if (const auto quota = cgroup_cpus()) {
    count = std::min(count, *quota);
  }
  return std::max(count, 1U);
}

EnvironmentLookup process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

}  // namespace athanor
