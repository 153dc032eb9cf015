#include "worker/workspace/workspace.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "shared/os/machine.hpp"
#include "shared/os/path_text.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace athanor::worker {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_lock_name = "lock";
constexpr const char* k_sweep_lock_name = "sweep.lock";
constexpr const char* k_quarantine_name = "quarantine";
constexpr std::string_view k_process_prefix = "process-";

Result<void> make_private_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_error(errno, "cannot make the scratch directory " + quoted(path));
  }
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return system_error(errno, "cannot use the scratch directory " + quoted(path));
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077U) != 0) {
    return make_error(ErrorKind::rejected,
                      "the scratch directory " + quoted(path) + " is not ours alone",
                      "remove it, or name another directory with --scratch");
  }
  return {};
}

// A label as one file name.
std::string file_name_of(std::string_view label) {
  std::string name = printable(label, 200);
  std::ranges::replace(name, '/', '_');
  return name.starts_with('.') ? "_" + name : name;
}

Result<void> move_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return system_error(errno, "cannot move " + quoted(from) + " to " + quoted(to));
  }
  return {};
}

// Removes the oldest files of a directory until at most `keep` are left.
Result<void> keep_newest(const fs::path& directory, std::size_t keep) {
  ATHANOR_ASSIGN(const std::vector<DirectoryEntry> entries, list_directory(directory));
  if (entries.size() <= keep) {
    return {};
  }
  std::vector<std::pair<fs::file_time_type, std::string>> by_age;
  for (const DirectoryEntry& entry : entries) {
    std::error_code error;  // Another worker may have taken it away: then it counts as oldest.
    by_age.emplace_back(fs::last_write_time(directory / entry.name, error), entry.name);
  }
  std::ranges::sort(by_age);
  for (std::size_t i = 0; i + keep < by_age.size(); ++i) {
    ATHANOR_TRY(remove_file(directory / by_age[i].second));
  }
  return {};
}

}  // namespace

Scratch::Scratch(Workspace& workspace, TempDir directory)
    : workspace_(&workspace),
      directory_(std::move(directory)) {}

Scratch::Scratch(Scratch&& other) noexcept
    : workspace_(std::exchange(other.workspace_, nullptr)),
      directory_(std::move(other.directory_)),
      reserved_(std::exchange(other.reserved_, 0)) {}

Scratch::~Scratch() {
  if (workspace_ != nullptr) {
    // Giving back can't fail: nothing is asked of the disk.
    static_cast<void>(workspace_->reserve(reserved_, 0).ok());
  }
}

Result<void> Scratch::reserve(std::uint64_t bytes) {
  ATHANOR_TRY(workspace_->reserve(reserved_, bytes));
  reserved_ = bytes;
  return {};
}

Workspace::Workspace(WorkspaceOptions options)
    : options_(std::move(options)),
      root_(options_.parent / ("athanor-scratch-" + std::to_string(::geteuid()))) {}

Workspace::~Workspace() = default;

Result<std::unique_ptr<Workspace>> Workspace::open(WorkspaceOptions options) {
  std::unique_ptr<Workspace> workspace(new Workspace(std::move(options)));
  ATHANOR_TRY(workspace->prepare());
  return workspace;
}

Result<void> Workspace::prepare() {
  ATHANOR_TRY(make_private_directory(root_));
  ATHANOR_TRY(make_private_directory(root_ / k_quarantine_name));
  // Nobody sweeps between the moment a folder is made and the moment it is locked.
  ATHANOR_ASSIGN(const FileLock sweep_lock,
                 FileLock::acquire(root_ / k_sweep_lock_name, FileLock::Mode::exclusive));
  ATHANOR_TRY(sweep());
  ATHANOR_ASSIGN(TempDir process, TempDir::create(root_, std::string(k_process_prefix) +
                                                             std::to_string(::getpid()) + "-"));
  ATHANOR_ASSIGN(FileLock lock,
                 FileLock::acquire(process.path() / k_lock_name, FileLock::Mode::exclusive));
  process_.emplace(std::move(process));
  lock_.emplace(std::move(lock));
  return {};
}

Result<void> Workspace::sweep() {
  ATHANOR_ASSIGN(const std::vector<DirectoryEntry> entries, list_directory(root_));
  for (const DirectoryEntry& entry : entries) {
    if (entry.type != FileType::directory || !entry.name.starts_with(k_process_prefix)) {
      continue;
    }
    const fs::path folder = root_ / entry.name;
    Result<std::optional<FileLock>> lock =
        FileLock::try_acquire(folder / k_lock_name, FileLock::Mode::exclusive);
    if (lock && !*lock) {
      continue;  // its process lives
    }
    ATHANOR_TRY(remove_tree(folder));
  }
  return {};
}

Result<Scratch> Workspace::make_scratch() {
  ATHANOR_ASSIGN(TempDir directory, TempDir::create(process_->path(), "job-"));
  return Scratch(*this, std::move(directory));
}

Result<void> Workspace::reserve(std::uint64_t before, std::uint64_t after) {
  const std::lock_guard lock(mutex_);
  ATHANOR_CHECK(before <= reserved_);
  const std::uint64_t others = reserved_ - before;
  if (after > before) {
    ATHANOR_ASSIGN(const DiskSpace space, disk_space(process_->path()));
    // What is reserved may partly be written already, and then counts twice: too careful, never
    // too bold.
    if (space.free_bytes < options_.keep_free ||
        space.free_bytes - options_.keep_free < others + after) {
      return make_error(ErrorKind::retry,
                        "the scratch disk at " + quoted(root_) + " has " +
                            human_size(space.free_bytes) + " free, " + human_size(others + after) +
                            " are needed",
                        "free some space, or name another directory with --scratch");
    }
  }
  reserved_ = others + after;
  return {};
}

Result<fs::path> Workspace::quarantine(const fs::path& file, std::string_view label) {
  const fs::path directory = root_ / k_quarantine_name;
  const fs::path target = directory / file_name_of(label);
  ATHANOR_TRY(move_file(file, target));
  ATHANOR_TRY(keep_newest(directory, k_quarantined));
  return target;
}

}  // namespace athanor::worker
