#pragma once

#include "coordinator/cli/verb.hpp"
#include "shared/config/settings.hpp"
#include "shared/os/file_lock.hpp"
#include "shared/os/temp_dir.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace athanor::coordinator {

// Where a run keeps its state, held by this process alone as long as the object lives.
class RunPlace {
 public:
  // The settings' state directory, or "$XDG_STATE_HOME/athanor/<hash of the store's URL>".
  // retry: another run has it; the message names its process.
  static Result<RunPlace> take(const config::Settings& settings, const std::string& store_url,
                               VerbContext& context);

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path journal() const { return directory_ / "journal.sqlite"; }
  // For sockets: short enough for the name of one.
  const std::filesystem::path& socket_directory() const { return sockets_; }

 private:
  RunPlace(std::filesystem::path directory, FileLock lock);

  std::filesystem::path directory_;
  FileLock lock_;
  std::filesystem::path sockets_;
  std::optional<TempDir> short_sockets_;  // if the state directory's name is too long
};

// The directory that `take` takes, whether it is there or not. invalid: nothing says where.
Result<std::filesystem::path> state_directory_of(const config::Settings& settings,
                                                 const std::string& store_url,
                                                 const VerbContext& context);
// Where all stores' state directories of this user are. invalid: nothing says where.
Result<std::filesystem::path> state_base(const VerbContext& context);

// athanor-worker: the one that is named, else the one beside this program. not_found: neither is
// there.
Result<std::filesystem::path> find_worker_program(const config::Settings& settings,
                                                  const VerbContext& context);

}  // namespace athanor::coordinator
