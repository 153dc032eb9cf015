#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/os/process.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace athanor::coordinator {

struct WorkerProcessOptions {
  unsigned count = 0;
  std::filesystem::path program;  // athanor-worker
  std::vector<std::string> arguments;
  // Added to ours: what they can't read from files as we did. May hold secrets.
  std::vector<std::pair<std::string, std::string>> environment;
};

// The worker processes of one machine: started, watched, started again when they die, with growing
// pauses, and ended. They die with the thread that starts them. Not thread-safe.
class WorkerProcesses {
 public:
  struct Ended {
    std::string name;      // as the worker calls itself: "host/pid"
    bool in_order = true;  // it left by itself, with exit code 0
    std::string reason;    // "was ended by signal 9 (Killed)"
  };

  explicit WorkerProcesses(WorkerProcessOptions options);
  // Ends them at once.
  ~WorkerProcesses();

  // Starts those that are due. rejected: they can't be kept alive, see limits::k_worker_restarts;
  // not_found: there is no such program.
  Result<void> start_due(TimePoint now);
  // Those that have ended since the last call; they will be started again unless retire() was
  // called.
  std::vector<Ended> take_ended(TimePoint now);
  // A worker has joined: the program works.
  void note_joined() { joined_ = true; }
  // Work is getting done: deaths so far aren't counted any more.
  void note_progress() { deaths_ = 0; }

  // Starts none again.
  void retire() { retired_ = true; }
  void signal_all(int number);
  std::size_t running() const;
  // Readable when a process has ended.
  std::vector<int> fds() const;
  // When start_due() has something to do; absent: not until a process ends.
  std::optional<TimePoint> next_start() const;

 private:
  struct Slot {
    std::optional<ChildProcess> process;
    TimePoint start_at;
  };

  WorkerProcessOptions options_;
  std::vector<Slot> slots_;
  unsigned deaths_ = 0;  // since work was last done
  std::string last_reason_;
  bool joined_ = false;
  bool retired_ = false;
};

}  // namespace athanor::coordinator
