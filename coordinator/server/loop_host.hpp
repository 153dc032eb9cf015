#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/server/blocking_pool.hpp"
#include "coordinator/server/event_loop.hpp"
#include "coordinator/server/worker_processes.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"

#include <functional>
#include <memory>
#include <string>

namespace athanor::coordinator {

// What stands around a loop, whether it runs until a batch is done or serves for ever: the worker
// processes of this machine, the threads for calls that block, and people's requests to stop. All
// calls on the loop's thread, except that the pool's tasks run on its own.
class LoopHost {
 public:
  // Loop and clock outlive it.
  static Result<std::unique_ptr<LoopHost>> start(EventLoop& loop, const Clock& clock,
                                                 unsigned blocking_threads);

  // From now on these are the worker processes, connected to `address`; those before them end.
  // Nobody has asked to stop yet.
  void employ(WorkerProcessOptions workers, const std::string& address);
  // Starts worker processes that are due. Errors: WorkerProcesses::start_due's.
  Result<void> start_workers() { return processes_->start_due(clock_.now()); }

  BlockingPool& pool() { return *pool_; }
  // How often somebody has asked to stop.
  unsigned stops() const { return stops_; }

  // One turn of the loop. Each byte that can be read from `stop_fd` (non-blocking; -1: none) is one
  // request to stop, the first of which drains. `more` is called where the loop takes in what
  // others have to add. Errors: the journal's.
  Result<void> turn(int stop_fd, const std::function<void()>& more = {});
  // Turns until the worker processes have left by themselves, or are made to, at the latest after
  // limits::k_farewell.
  Result<void> farewell(const std::function<Result<void>()>& turn);

  // Every event of the loop is to be told.
  void on_event(const RunEvent& event);

 private:
  LoopHost(EventLoop& loop, const Clock& clock, std::unique_ptr<BlockingPool> pool);
  void take_stop_requests(int stop_fd);

  EventLoop& loop_;
  const Clock& clock_;
  unsigned stops_ = 0;
  std::unique_ptr<WorkerProcesses> processes_;
  std::unique_ptr<BlockingPool> pool_;
};

}  // namespace athanor::coordinator
