#pragma once

#include "shared/protocol/job.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <variant>

namespace athanor::worker {

// Where a running job's thread leaves its progress; the supervisor samples it for heartbeats.
struct ProgressCell {
  std::atomic<Stage> stage{Stage::locate};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> steps{0};
  // Until then (nanoseconds of the monotonic clock) the job is inside a call that can't tell its
  // progress but watches over it itself, such as an upload; it counts as moving. 0: it isn't.
  std::atomic<std::int64_t> silent_until{0};
};

using JobOutcome = std::variant<JobSuccess, JobFailure>;

// One job, five stages: locate → fetch → verify → transmute → publish. Built once per worker from
// the coordinator's settings; run() is thread-safe and is called by as many threads as jobs may
// run.
class Pipeline {
 public:
  virtual ~Pipeline() = default;

  // Does the job, or says which stage failed and why. Effects are idempotent: doing a job twice
  // leaves the same store as doing it once. A stop request ends it soon, with `canceled`, and
  // nothing half-made stays behind.
  virtual JobOutcome run(const JobSpec& spec, ProgressCell& progress, std::stop_token stop) = 0;
};

}  // namespace athanor::worker
