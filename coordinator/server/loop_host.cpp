#include "coordinator/server/loop_host.hpp"

#include "shared/base/limits.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace athanor::coordinator {

LoopHost::LoopHost(EventLoop& loop, const Clock& clock, std::unique_ptr<BlockingPool> pool)
    : loop_(loop),
      clock_(clock),
      processes_(std::make_unique<WorkerProcesses>(WorkerProcessOptions{})),
      pool_(std::move(pool)) {}

Result<std::unique_ptr<LoopHost>> LoopHost::start(EventLoop& loop, const Clock& clock,
                                                  unsigned blocking_threads) {
  ATHANOR_ASSIGN(auto pool, BlockingPool::start(blocking_threads));
  return std::unique_ptr<LoopHost>(new LoopHost(loop, clock, std::move(pool)));
}

void LoopHost::employ(WorkerProcessOptions workers, const std::string& address) {
  const std::vector<std::string> connection = {"--connect", address};
  workers.arguments.insert(workers.arguments.begin(), connection.begin(), connection.end());
  processes_ = std::make_unique<WorkerProcesses>(std::move(workers));
  stops_ = 0;
}

Result<void> LoopHost::turn(int stop_fd, const std::function<void()>& more) {
  std::vector<int> fds = processes_->fds();
  fds.push_back(pool_->wake_fd());
  if (stop_fd >= 0) {
    fds.push_back(stop_fd);
  }
  return loop_.turn(fds, processes_->next_start(), [&](std::span<const int> readable) {
    const auto is_readable = [&](int fd) {
      return std::find(readable.begin(), readable.end(), fd) != readable.end();
    };
    if (stop_fd >= 0 && is_readable(stop_fd)) {
      take_stop_requests(stop_fd);
    }
    if (is_readable(pool_->wake_fd())) {
      pool_->run_answers();
    }
    for (const WorkerProcesses::Ended& ended : processes_->take_ended(clock_.now())) {
      if (ended.in_order) {
        loop_.reactor().on_process_left(clock_.now(), ended.name);
      } else {
        loop_.reactor().on_process_ended(clock_.now(), ended.name, ended.reason);
      }
    }
    if (more) {
      more();
    }
  });
}

void LoopHost::take_stop_requests(int stop_fd) {
  char requests[16];
  const auto count = ::read(stop_fd, requests, sizeof requests);
  if (count <= 0) {
    return;
  }
  if (stops_ == 0) {
    loop_.reactor().on_drain(clock_.now());
  }
  stops_ += static_cast<unsigned>(count);
}

Result<void> LoopHost::farewell(const std::function<Result<void>()>& turn) {
  processes_->retire();
  const TimePoint deadline = clock_.now() + limits::k_farewell;
  unsigned signaled = 0;
  while (processes_->running() != 0 && clock_.now() < deadline) {
    if (stops_ >= 2 && signaled < 2) {
      // A worker's first signal drains it, its second ends it cleanly but at once.
      processes_->signal_all(SIGTERM);
      ++signaled;
    }
    ATHANOR_TRY(turn());
  }
  processes_->signal_all(SIGKILL);
  return {};
}

void LoopHost::on_event(const RunEvent& event) {
  if (std::holds_alternative<JobFinished>(event)) {
    processes_->note_progress();
  } else if (std::holds_alternative<WorkerJoined>(event)) {
    processes_->note_joined();
  }
}

}  // namespace athanor::coordinator
