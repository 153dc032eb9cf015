#pragma once

#include "shared/base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace athanor::coordinator {

using OriginId = std::uint16_t;

// The order of ready jobs: which batch is served next (fair shares by priority), and within it the
// largest job first, because a large one that begins last is what everybody waits for in the end.
// Jobs of an origin that may not be asked now are passed over, not waited for.
//
// Entries are hints: a job that several batches want stands in the queue of each, and whoever pops
// one checks that the job is still ready. So nothing needs to be found and removed when a job is
// granted through another batch. Not thread-safe.
class ReadyQueue {
 public:
  struct Entry {
    BatchId batch;
    JobId job;
    OriginId origin = 0;
  };

  // 100 points more halve the batch's share; 0 is normal. A batch that is there already keeps its
  // jobs and gets the new priority.
  void add_batch(BatchId batch, int priority);
  // With everything that is queued for it.
  void remove_batch(BatchId batch);

  // REQUIRES: the batch was added. `size` in bytes; 0: unknown.
  void push(BatchId batch, JobId job, OriginId origin, std::uint64_t size);
  // The next entry among origins that are open: of the batch that has the smallest weighted number
  // of executing jobs. Nothing if there is none.
  std::optional<Entry> pop(const std::function<bool(OriginId)>& is_open);

  // Leases that count against a batch's share. A batch that is gone is ignored.
  void begin_executing(BatchId batch);
  void end_executing(BatchId batch);

  // Entries, stale ones included.
  std::size_t size() const { return size_; }
  std::size_t executing(BatchId batch) const;
  // Entries of one origin, stale ones included.
  std::size_t waiting(OriginId origin) const {
    return origin < waiting_.size() ? waiting_[origin] : 0;
  }

 private:
  struct Item {
    std::uint64_t size = 0;
    std::uint32_t job = 0;
    // Largest first; among equals in the order of submission.
    friend bool operator<(const Item& a, const Item& b) {
      return a.size != b.size ? a.size < b.size : a.job > b.job;
    }
  };
  struct Batch {
    double weight = 1;  // 2^(priority / 100): what one executing job counts
    std::size_t executing = 0;
    std::map<OriginId, std::vector<Item>> lanes;  // heaps; an empty lane is removed
  };
  using Lane = std::map<OriginId, std::vector<Item>>::iterator;

  std::map<BatchId, Batch> batches_;
  std::vector<std::size_t> waiting_;  // by origin
  std::size_t size_ = 0;
};

}  // namespace athanor::coordinator
