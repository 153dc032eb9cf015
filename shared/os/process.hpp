#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace athanor {

// How a process ended.
struct ExitStatus {
  int code = 0;    // exit code; meaningless if a signal ended it
  int signal = 0;  // 0 if it exited by itself

  bool success() const { return signal == 0 && code == 0; }
  // "exited with code 3", "was ended by signal 9 (Killed)".
  std::string to_string() const;
};

enum class WithParent {
  survive,  // the child lives on when we die
  die,  // the kernel kills the child (SIGKILL) when the *thread* that spawned it ends: spawn from
        // a thread that lives as long as the children may
};
enum class ProcessGroup {
  ours,  // Ctrl-C in the terminal reaches the child too
  own,   // only we signal it
};

struct SpawnOptions {
  std::filesystem::path program{};       // searched in PATH if it holds no "/"
  std::vector<std::string> arguments{};  // without the program's own name
  std::vector<std::pair<std::string, std::string>> environment{};  // added to ours, replacing
  WithParent with_parent = WithParent::survive;
  ProcessGroup group = ProcessGroup::ours;
  int stdin_fd = -1;   // -1: /dev/null
  int stdout_fd = -1;  // -1: ours
  int stderr_fd = -1;  // -1: ours
};

// One child process. It starts with no signal blocked, the default action for each, and no
// descriptor of ours but the three standard ones (ours are close-on-exec). A destructor doesn't end
// it: whoever owns the object says what becomes of the child. Not thread-safe.
class ChildProcess {
 public:
  // not_found if there is no such program.
  static Result<ChildProcess> spawn(const SpawnOptions& options);

  pid_t pid() const { return pid_; }
  // Readable when the child has ended: for poll(2).
  int pidfd() const { return pidfd_.get(); }

  // How it ended; absent while it runs.
  std::optional<ExitStatus> poll();
  // Waits at most so long.
  std::optional<ExitStatus> wait_for(std::chrono::milliseconds timeout);
  ExitStatus wait();
  // False if it has ended already.
  bool signal(int number);

 private:
  ChildProcess(pid_t pid, Fd pidfd);

  pid_t pid_;
  Fd pidfd_;
  std::optional<ExitStatus> status_;  // set once reaped
};

// The file of the running program, to find its siblings.
Result<std::filesystem::path> current_executable();

}  // namespace athanor
