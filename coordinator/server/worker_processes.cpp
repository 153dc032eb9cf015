#include "coordinator/server/worker_processes.hpp"

#include "shared/base/limits.hpp"
#include "shared/os/machine.hpp"
#include "shared/os/path_text.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace athanor::coordinator {

WorkerProcesses::WorkerProcesses(WorkerProcessOptions options)
    : options_(std::move(options)),
      slots_(options_.count) {}

WorkerProcesses::~WorkerProcesses() {
  signal_all(SIGKILL);
  for (Slot& slot : slots_) {
    if (slot.process) {
      slot.process->wait();
    }
  }
}

Result<void> WorkerProcesses::start_due(TimePoint now) {
  if (retired_) {
    return {};
  }
  if (deaths_ >= (joined_ ? limits::k_worker_restarts : limits::k_worker_starts)) {
    return make_error(ErrorKind::rejected,
                      "worker processes can't be kept alive: " + std::to_string(deaths_) +
                          " died without getting anything done; the last one " + last_reason_,
                      "look at what they wrote, or run " + quoted(options_.program) + " by hand");
  }
  for (Slot& slot : slots_) {
    if (slot.process || slot.start_at > now) {
      continue;
    }
    SpawnOptions spawn;
    spawn.program = options_.program;
    spawn.arguments = options_.arguments;
    spawn.environment = options_.environment;
    spawn.with_parent = WithParent::die;
    spawn.group = ProcessGroup::own;
    spawn.stdout_fd = 2;  // stdout is the command's result; workers only talk
    ATHANOR_ASSIGN(slot.process, ChildProcess::spawn(spawn));
  }
  return {};
}

std::vector<WorkerProcesses::Ended> WorkerProcesses::take_ended(TimePoint now) {
  std::vector<Ended> ended;
  for (Slot& slot : slots_) {
    if (!slot.process) {
      continue;
    }
    if (const auto status = slot.process->poll()) {
      last_reason_ = status->to_string();
      ended.push_back({.name = host_name() + "/" + std::to_string(slot.process->pid()),
                       .in_order = status->success(),
                       .reason = last_reason_});
      slot.process.reset();
      ++deaths_;
      slot.start_at = now + std::min<std::chrono::milliseconds>(
                                limits::k_worker_restart_base * (1U << std::min(deaths_ - 1, 16U)),
                                limits::k_worker_restart_ceiling);
    }
  }
  return ended;
}

void WorkerProcesses::signal_all(int number) {
  for (Slot& slot : slots_) {
    if (slot.process) {
      slot.process->signal(number);
    }
  }
}

std::size_t WorkerProcesses::running() const {
  return static_cast<std::size_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.process.has_value(); }));
}

std::vector<int> WorkerProcesses::fds() const {
  std::vector<int> result;
  for (const Slot& slot : slots_) {
    if (slot.process) {
      result.push_back(slot.process->pidfd());
    }
  }
  return result;
}

std::optional<TimePoint> WorkerProcesses::next_start() const {
  std::optional<TimePoint> next;
  for (const Slot& slot : slots_) {
    if (!slot.process && !retired_) {
      next = next ? std::min(*next, slot.start_at) : slot.start_at;
    }
  }
  return next;
}

}  // namespace athanor::coordinator
