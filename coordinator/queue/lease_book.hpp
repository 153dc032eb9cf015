#pragma once

#include "coordinator/queue/ready_queue.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"
#include "shared/protocol/job.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace athanor::coordinator {

// One worker's time-bound right to one job.
struct Lease {
  LeaseKey key;
  WorkerId worker;  // 0: the worker of an earlier epoch that hasn't come back yet
  BatchId batch;    // against whose share it counts
  OriginId origin = 0;
  TimePoint granted;
  TimePoint expires;
  TimePoint begun;       // when its worker was last known not to have begun
  TimePoint progressed;  // when `steps` last grew
  Stage stage = Stage::locate;
  std::uint64_t bytes = 0;
  std::uint64_t steps = 0;
  std::uint64_t order = 0;             // grows with each grant
  std::optional<TimePoint> retracted;  // when its worker was asked to give it back unless it runs
};

// All live leases. A lease is known by (epoch, job, attempt), all of it: whoever comes with another
// one is fenced. Not thread-safe.
class LeaseBook {
 public:
  // REQUIRES: no live lease of this job and attempt.
  void add(const Lease& lease);
  // Null unless exactly this lease is live.
  Lease* find(const LeaseKey& key);
  const Lease* find(const LeaseKey& key) const;
  // REQUIRES: the lease is live.
  Lease remove(const LeaseKey& key);

  // Live leases of one job, oldest first: more than one if it runs speculatively.
  std::vector<LeaseKey> of_job(JobId job) const;
  bool has_any(JobId job) const;

  // Leases whose time is over or whose job makes no progress; they stay in the book until removed.
  std::vector<LeaseKey> expired(TimePoint now);

  std::size_t size() const { return leases_.size(); }
  // In order of job and attempt.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [key, lease] : leases_) {
      visit(lease);
    }
  }

 private:
  using Position = std::pair<std::uint64_t, std::uint32_t>;  // job, attempt
  struct Alarm {
    TimePoint at;
    Position position;
    friend bool operator<(const Alarm& a, const Alarm& b) {
      return a.at != b.at ? a.at > b.at : a.position > b.position;
    }
  };

  std::map<Position, Lease> leases_;
  // Renewing writes only the lease; an alarm that rings too early is set again.
  std::priority_queue<Alarm> alarms_;
};

}  // namespace athanor::coordinator
