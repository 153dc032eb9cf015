#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/document/batch_snapshot.hpp"
#include "coordinator/document/submission_document.hpp"
#include "coordinator/plan/plan.hpp"
#include "shared/base/clock.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace athanor::coordinator {

// A job that a worker has now.
struct RunningJob {
  std::string source_url;
  WorkerId worker;
  Stage stage = Stage::locate;
  std::uint64_t bytes = 0;    // of this stage
  std::uint64_t fetched = 0;  // of the fetch stage, once it is over, too
  TimePoint since;
};

// The state of a run as a watcher needs it, put together from the coordinator's events. No I/O, no
// clock. Not thread-safe.
class RunProgress {
 public:
  RunProgress(std::vector<EnvironmentLabel> environments, TimePoint started)
      : environments_(std::move(environments)),
        started_(started) {}
  // Of a batch whose plan is known here.
  RunProgress(const std::shared_ptr<const Plan>& plan, TimePoint started)
      : RunProgress(labels_of(*plan), started) {}

  void apply(const RunEvent& event, TimePoint now);
  // Goes on from here, whatever was known before.
  void restore(const BatchSnapshot& snapshot, TimePoint now);

  const std::vector<EnvironmentLabel>& environments_of_batch() const { return environments_; }
  TimePoint started() const { return started_; }
  const Totals& totals() const { return totals_; }
  bool draining() const { return draining_; }
  void set_draining() { draining_ = true; }

  std::uint64_t packages() const { return packages_; }  // all of the batch
  std::uint64_t had() const { return had_; }            // with nothing to do
  std::uint64_t jobs() const { return jobs_; }
  std::uint64_t jobs_over() const { return jobs_done_ + jobs_failed_; }
  std::uint64_t jobs_done() const { return jobs_done_; }
  std::uint64_t jobs_failed() const { return jobs_failed_; }
  std::uint64_t workers() const { return workers_; }
  std::uint64_t environments() const { return environments_.size(); }
  std::uint64_t environments_ready() const { return environments_ready_; }
  std::uint64_t environments_failed() const { return environments_failed_; }
  // Longest running first.
  std::vector<RunningJob> running() const;
  // "corrupt" → how many jobs failed for it.
  const std::map<std::string, std::uint64_t>& failures() const { return failures_; }
  // Fetched so far, running jobs included. Never falls.
  std::uint64_t bytes() const { return bytes_; }
  // Bytes per second over the last ten seconds.
  std::uint64_t rate(TimePoint now) const;
  // What is left, going by what has been done; absent while too little is known.
  std::optional<std::chrono::milliseconds> time_left(TimePoint now) const;
  // "linux-64 default": an environment for people.
  std::string environment_name(std::size_t environment) const;

 private:
  struct Sample {
    TimePoint when;
    std::uint64_t bytes = 0;
  };

  void take(const BatchAccepted& accepted, TimePoint now);
  void take(const JobStarted& started, TimePoint now);
  void take(const JobProgressed& progressed);
  void take(const JobFailed& failed);
  void count_bytes(TimePoint now);

  static std::vector<EnvironmentLabel> labels_of(const Plan& plan);

  std::vector<EnvironmentLabel> environments_;
  TimePoint started_;
  TimePoint accepted_{};
  Totals totals_;
  bool draining_ = false;
  std::uint64_t packages_ = 0;
  std::uint64_t had_ = 0;
  std::uint64_t jobs_ = 0;
  std::uint64_t jobs_done_ = 0;
  std::uint64_t jobs_failed_ = 0;
  std::uint64_t workers_ = 0;
  std::uint64_t environments_ready_ = 0;
  std::uint64_t environments_failed_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t finished_bytes_ = 0;
  std::unordered_map<JobId, RunningJob> running_;
  std::map<std::string, std::uint64_t> failures_;
  std::deque<Sample> samples_;  // of the last ten seconds
};

}  // namespace athanor::coordinator
