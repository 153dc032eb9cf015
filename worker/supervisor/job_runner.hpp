#pragma once

#include "shared/base/bounded_queue.hpp"
#include "shared/base/clock.hpp"
#include "shared/os/fd.hpp"
#include "shared/protocol/messages.hpp"
#include "worker/pipeline/pipeline.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace athanor::worker {

struct FinishedJob {
  LeaseKey lease;
  JobOutcome outcome;
};

// The threads that run jobs, one per slot. Its functions are for one thread (the loop's); the
// threads themselves are its own business.
class JobRunner {
 public:
  // The clock outlives it.
  static Result<std::unique_ptr<JobRunner>> create(unsigned slots, const Clock& clock);
  // Asks every job to stop and waits for the threads.
  ~JobRunner();

  // REQUIRES: a free slot. The pipeline is shared with the jobs that run on it: settings may change
  // while they do.
  void start(const LeaseKey& lease, JobSpec spec, std::shared_ptr<Pipeline> pipeline);
  void stop(const LeaseKey& lease);

  // Readable when a job has ended: for poll(2).
  int wake_fd() const { return wake_.get(); }
  std::vector<FinishedJob> take_finished();
  // How far the running jobs are now. A job inside a call that watches over itself counts as moved.
  std::vector<protocol::JobProgress> progress();

  // Asks every job to stop; false if some thread hasn't ended in time. Nothing can be started
  // afterwards.
  bool shut_down(std::chrono::milliseconds patience);

 private:
  // Shared between the loop, which reads progress and asks to stop, and the job's thread.
  struct Job {
    LeaseKey lease;
    JobSpec spec;
    std::shared_ptr<Pipeline> pipeline;
    ProgressCell cell;
    std::stop_source stop;
    std::uint64_t silent_steps = 0;  // loop's only: movement that was granted, not seen
  };

  JobRunner(unsigned slots, const Clock& clock, Fd wake);
  void work();
  void finish(const Job& job, JobOutcome outcome);

  const Clock& clock_;
  Fd wake_;  // eventfd
  std::map<LeaseKey, std::shared_ptr<Job>> running_;
  BoundedQueue<std::shared_ptr<Job>> queue_;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::vector<FinishedJob> finished_;
  unsigned living_threads_ = 0;

  std::vector<std::thread> threads_;
};

}  // namespace athanor::worker
