#pragma once

#include "shared/base/result.hpp"
#include "shared/os/file_lock.hpp"
#include "shared/os/temp_dir.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

namespace athanor::worker {

class Workspace;

// One lease's folder and the disk space set aside for it; both are given back when it goes. Not
// thread-safe. The workspace outlives it.
class Scratch {
 public:
  Scratch(Scratch&& other) noexcept;
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch();

  const std::filesystem::path& path() const { return directory_.path(); }

  // Sets so many bytes aside in all, in place of what was. retry: the disk hasn't that much left.
  Result<void> reserve(std::uint64_t bytes);

 private:
  friend class Workspace;
  Scratch(Workspace& workspace, TempDir directory);

  Workspace* workspace_;  // null once moved from
  TempDir directory_;
  std::uint64_t reserved_ = 0;  // bytes
};

struct WorkspaceOptions {
  // Where the scratch root is made; must exist. Several workers may share it.
  std::filesystem::path parent;
  // Never used: room for everybody else on that disk.
  std::uint64_t keep_free = 64ULL << 20U;
};

// A worker process's part of the disk: "<parent>/athanor-scratch-<uid>/<pid>-XXXXXX/". Thread-safe.
class Workspace {
 public:
  // Makes this process's folder, and removes those whose processes are dead. rejected: the scratch
  // root belongs to somebody else or is open to others.
  static Result<std::unique_ptr<Workspace>> open(WorkspaceOptions options);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // A new, empty folder for one lease.
  Result<Scratch> make_scratch();

  // Moves bytes that aren't what they should be to where a person can look at them, under a name
  // that holds `label` (a hash and the file's name). Returns where. The same label is kept once;
  // beyond k_quarantined files the oldest go.
  Result<std::filesystem::path> quarantine(const std::filesystem::path& file,
                                           std::string_view label);

  const std::filesystem::path& path() const { return process_->path(); }

  static constexpr std::size_t k_quarantined = 32;

 private:
  friend class Scratch;
  explicit Workspace(WorkspaceOptions options);
  Result<void> prepare();
  Result<void> sweep();
  Result<void> reserve(std::uint64_t before, std::uint64_t after);

  const WorkspaceOptions options_;
  std::filesystem::path root_;
  std::optional<TempDir> process_;
  std::optional<FileLock> lock_;  // held while this process lives; others sweep what isn't locked

  std::mutex mutex_;
  std::uint64_t reserved_ = 0;  // bytes, by all scratch folders of this process
};

}  // namespace athanor::worker
