#include "coordinator/cli/run_place.hpp"

#include "shared/base/strings.hpp"
#include "shared/digest/digest.hpp"
#include "shared/os/atomic_file.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <unistd.h>

#include <system_error>
#include <utility>

namespace athanor::coordinator {

namespace {

// sockaddr_un holds 107 bytes; the socket's name takes some of them.
constexpr std::size_t k_longest_socket_directory = 70;
constexpr std::size_t k_short_hash = 12;

}  // namespace

Result<std::filesystem::path> state_base(const VerbContext& context) {
  if (const auto state = context.environment("XDG_STATE_HOME"); state && !state->empty()) {
    return std::filesystem::path(*state) / "athanor";
  }
  if (const auto home = context.environment("HOME"); home && !home->empty()) {
    return std::filesystem::path(*home) / ".local" / "state" / "athanor";
  }
  return make_error(ErrorKind::invalid, "neither XDG_STATE_HOME nor HOME is set",
                    "--state-dir says where the run may keep its journal");
}

Result<std::filesystem::path> state_directory_of(const config::Settings& settings,
                                                 const std::string& store_url,
                                                 const VerbContext& context) {
  if (!settings.state_dir->empty()) {
    return context.working_directory / *settings.state_dir;
  }
  ATHANOR_ASSIGN(const std::filesystem::path base, state_base(context));
  return base / sha256_of(store_url).hex().substr(0, k_short_hash);
}

RunPlace::RunPlace(std::filesystem::path directory, FileLock lock)
    : directory_(std::move(directory)),
      lock_(std::move(lock)),
      sockets_(directory_) {}

Result<RunPlace> RunPlace::take(const config::Settings& settings, const std::string& store_url,
                                VerbContext& context) {
  constexpr std::uint64_t k_pid_bytes = 64;
  ATHANOR_ASSIGN(const std::filesystem::path directory,
                 state_directory_of(settings, store_url, context));
  ATHANOR_TRY(make_directories(directory, Durability::none, 0700));
  ATHANOR_ASSIGN(std::optional<FileLock> lock,
                 FileLock::try_acquire(directory / "lock", FileLock::Mode::exclusive));
  if (!lock) {
    const auto pid = read_file_if_exists(directory / "pid", k_pid_bytes);
    const std::string who =
        pid && *pid ? " (pid " + printable(trim(**pid), 16) + ")" : std::string{};
    return make_error(
        ErrorKind::retry,
        "another run" + who + " is at work on this store with the state in " + quoted(directory),
        "if it serves, submit to it (athanor submit); else wait until it is over, or give another "
        "--state-dir");
  }
  ATHANOR_TRY(write_file_atomically(directory / "pid", std::to_string(::getpid()) + "\n", 0600));
  RunPlace place(directory, std::move(*lock));
  if (directory.string().size() > k_longest_socket_directory) {
    ATHANOR_ASSIGN(TempDir sockets, TempDir::create("athanor-"));
    place.sockets_ = sockets.path();
    place.short_sockets_.emplace(std::move(sockets));
  }
  return place;
}

Result<std::filesystem::path> find_worker_program(const config::Settings& settings,
                                                  const VerbContext& context) {
  if (!settings.worker_program->empty()) {
    const std::filesystem::path named = context.working_directory / *settings.worker_program;
    if (::access(named.c_str(), X_OK) != 0) {
      return make_error(ErrorKind::not_found, "there is no program " + quoted(named),
                        "--worker-program names athanor-worker");
    }
    return named;
  }
  const std::filesystem::path beside = context.program.parent_path() / "athanor-worker";
  if (::access(beside.c_str(), X_OK) != 0) {
    return make_error(ErrorKind::not_found, "there is no program " + quoted(beside),
                      "--worker-program or ATHANOR_WORKER_PROGRAM names athanor-worker");
  }
  return beside;
}

}  // namespace athanor::coordinator
