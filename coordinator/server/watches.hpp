#pragma once

#include "coordinator/core/core.hpp"
#include "coordinator/core/events.hpp"
#include "coordinator/server/batch_desk.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace athanor::coordinator {

// Who watches which batch, and what each hears. An event is written once, whoever watches; whether
// a job's event concerns a batch is asked of one bit per job. Not thread-safe.
class Watches {
 public:
  using Watcher = std::uint64_t;  // a number of the caller's choice
  // Where texts go. False: the watcher takes none now, and gets a snapshot later.
  using Tell = std::function<bool(Watcher watcher, const std::string& event)>;

  // Core and desk outlive it.
  Watches(const Core& core, const BatchDesk& desk, const Clock& clock)
      : core_(core),
        desk_(desk),
        clock_(clock) {}

  // Begins with a snapshot, which tick() sends. REQUIRES: the desk knows the batch.
  void add(Watcher watcher, BatchId batch);
  void remove(Watcher watcher);
  bool any() const { return !batches_.empty(); }

  void on_event(const RunEvent& event, const Tell& tell);
  // Sends snapshots that are due and, once an interval, a sign of life.
  void tick(const Tell& tell);
  // Watchers of batches that have ended since the last call, each told everything before; they
  // watch no more.
  std::vector<std::pair<Watcher, BatchId>> take_ended();

 private:
  struct Watching {
    bool needs_snapshot = true;
  };
  struct Watched {
    std::vector<bool> jobs;  // by number
    std::map<Watcher, Watching> watchers;
    bool ended = false;
  };

  bool concerns(BatchId id, const Watched& watched, const RunEvent& event) const;
  void learn_jobs(BatchId id, Watched& watched) const;

  const Core& core_;
  const BatchDesk& desk_;
  const Clock& clock_;
  std::map<BatchId, Watched> batches_;
  TimePoint next_sign_;
};

}  // namespace athanor::coordinator
