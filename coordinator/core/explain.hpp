#pragma once

#include "coordinator/core/core.hpp"
#include "coordinator/core/story.hpp"
#include "coordinator/queue/job_state.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"
#include "shared/protocol/job.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Why a job is where it is, as plain values: nothing here changes anything.
namespace athanor::coordinator {

enum class WaitKind {
  nothing,             // it runs, or it has ended
  backoff,             // it failed; the next attempt is due at `until`
  coordinator_drains,  // nothing is granted any more
  no_worker,           // no worker is there that takes jobs
  workers_full,        // every worker holds as much as it announced
  worker_alone,        // workers died over it: it waits for one that does nothing else
  origin_paused,       // its origin asked for a pause, or failed too often; until `until`
  origin_full,         // as many jobs as its origin bears are under way already
  origin_rate,         // its origin gets as many requests a second as it bears; until `until`
  turn,                // it is granted at the next turn, after those before it
};

struct WaitReason {
  WaitKind kind = WaitKind::nothing;
  std::string origin;              // of origin_…: the host
  std::optional<TimePoint> until;  // when it ends by itself, if that is known
  std::uint64_t ready_jobs = 0;    // that wait for a worker, this one included
};

struct RunningAttempt {
  std::uint32_t number = 0;
  std::string worker;  // its name; empty: of an earlier epoch, and not back yet
  WorkerId worker_id;
  Stage stage = Stage::locate;
  std::uint64_t bytes = 0;
  TimePoint granted;
  TimePoint expires;
  TimePoint begun;  // at about this time; later than `granted` if it waited for a slot there
};

struct JobWaiter {
  BatchId batch;
  std::string batch_name;
  std::uint32_t environment = 0;  // index in the batch
};

struct JobExplanation {
  // Waiters that are listed; `waiting_environments` counts them all.
  static constexpr std::size_t k_waiters = 100;

  JobId job;
  JobState state = JobState::ready;
  JobSpec spec;                // without credentials: fetch_url is the source_url
  std::uint32_t attempts = 0;  // leases granted so far
  std::uint32_t failures = 0;  // since it was last asked for
  std::uint32_t crashes = 0;   // workers that died over it, likewise
  WaitReason why;
  std::vector<RunningAttempt> running;
  std::vector<Attempt> history;  // empty: there was no trouble
  std::uint32_t forgotten_attempts = 0;
  std::vector<JobWaiter> waiters;
  std::uint64_t waiting_environments = 0;
  std::optional<JobSuccess> success;  // the last one
  std::optional<JobFailure> failure;  // the last one
  std::string done_by;                // the worker of the last success, if it is still known
};

// Absent: there is no such job.
std::optional<JobExplanation> explain_job(const Core& core, JobId job, TimePoint now);
// Jobs for this source, whatever formats they want. The URL is canonical and without credentials.
std::vector<JobId> find_jobs(const Core& core, std::string_view source_url);
// Why nothing happens to it now.
WaitReason why_waiting(const Core& core, JobId job, TimePoint now);

}  // namespace athanor::coordinator
