#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/core/origins.hpp"
#include "coordinator/core/record.hpp"
#include "coordinator/core/story.hpp"
#include "coordinator/fleet/worker_table.hpp"
#include "coordinator/queue/job_table.hpp"
#include "coordinator/queue/lease_book.hpp"
#include "coordinator/queue/ready_queue.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

// All that a coordinator knows, as plain tables. The reactor alone changes them; everybody may
// look.
namespace athanor::coordinator {

struct Environment {
  BatchId batch;
  std::uint32_t index = 0;  // in the batch's plan
  bool publish = true;
  EnvironmentState state = EnvironmentState::collecting;
  std::uint32_t remaining = 0;  // jobs it waits for
  std::uint32_t failed = 0;     // jobs that ended otherwise than done
  std::uint32_t conflicts = 0;
  std::uint32_t publish_failures = 0;
  JobId first_failed;               // 0: none
  std::vector<std::uint32_t> jobs;  // numbers of all its jobs
};

struct Batch {
  std::string name;
  int priority = 0;
  std::vector<EnvironmentId> environments;  // by index
  std::uint32_t open_environments = 0;
  bool canceled = false;
  bool planned = false;  // it is known what it needs

  bool finished() const { return planned && open_environments == 0; }
};

// Something to do at a time: a job's or an environment's next try.
template <typename Id>
struct Alarm {
  TimePoint at;
  Id id;
  friend bool operator<(const Alarm& a, const Alarm& b) {
    return a.at != b.at ? a.at > b.at : a.id > b.id;  // earliest on top
  }
};

struct Core {
  static constexpr std::size_t k_past_workers = 4'096;

  std::uint64_t epoch = 1;
  JobTable jobs;
  ReadyQueue ready;
  std::deque<JobId> suspects;  // ready jobs that must run alone; hints, like the queue's entries
  LeaseBook leases;
  std::set<JobId> speculated;  // jobs with more than one lease
  WorkerTable workers;
  Origins origins;
  std::map<EnvironmentId, Environment> environments;
  std::map<BatchId, Batch> batches;
  std::unordered_map<JobId, JobStory> stories;
  std::priority_queue<Alarm<JobId>> wakes;
  std::priority_queue<Alarm<EnvironmentId>> republish;
  std::uint64_t open_batches = 0;
  std::uint64_t next_environment = 1;
  std::uint64_t next_batch = 1;
  std::uint64_t next_worker = 1;
  std::uint64_t next_grant = 1;
  WorkerId reserved;  // kept free for a suspect; 0: nobody
  bool draining = false;
  // Names of workers that were told to go: they are not given work when they come back on another
  // connection meanwhile.
  std::set<std::string> leaving;
  std::map<WorkerId, std::string> past_workers;  // names, of the last k_past_workers
  Totals totals;  // what isn't counted elsewhere: environments, bytes
};

}  // namespace athanor::coordinator
