#pragma once

#include "shared/base/ids.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/job.hpp"
#include "shared/protocol/messages.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

// What a coordinator tells whoever watches it: the live view, the log, `--output jsonl`. Plain
// values; a watcher needs nothing but these to draw the whole picture. Everything said here is
// durable already, if there is a journal.
namespace athanor::coordinator {

// A batch was taken in whose needs aren't known yet: BatchAccepted follows, or the failure of each
// of its environments.
struct BatchReceived {
  BatchId batch;
  std::string name;
};

// It is known what a batch needs. The numbers are of this batch's plan: new_jobs + joined_jobs are
// all its jobs, present + conflicts its other packages.
struct BatchAccepted {
  BatchId batch;
  std::string name;
  std::uint64_t new_jobs = 0;
  std::uint64_t joined_jobs = 0;  // in flight already, for another batch
  std::uint64_t present = 0;      // packages with nothing to do
  std::uint64_t conflicts = 0;    // packages that the store's own state keeps from becoming ready
  std::uint64_t environments = 0;
};

// An open batch has grown: a solve's result became jobs. Counts are of what was added.
struct BatchExtended {
  BatchId batch;
  std::uint64_t new_jobs = 0;
  std::uint64_t joined_jobs = 0;
  std::uint64_t present = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t environments = 0;
  std::uint64_t first_environment = 0;  // index in the batch
};

// Somebody had a batch's failed jobs tried again; a finished batch is open again.
struct BatchReleased {
  BatchId batch;
  std::uint64_t jobs = 0;
  std::uint64_t environments = 0;  // that had failed
};

// Nothing of the batch is left to do; each of its environments has been told of.
struct BatchFinished {
  BatchId batch;
  bool canceled = false;
};

struct WorkerJoined {
  WorkerId worker;
  std::string name;
  std::string version;
  protocol::Capacity capacity;
  std::uint64_t adopted_jobs = 0;  // that it held before the connection broke
};

enum class WorkerEnd {
  left,  // said goodbye
  lost,  // its leases expired, or its connection or process ended without a goodbye
};

struct WorkerGone {
  WorkerId worker;
  std::string name;
  WorkerEnd end = WorkerEnd::left;
  std::string reason;  // a clause for a person: "killed by signal 9", "no heartbeat for 8 s"
  std::uint64_t held_jobs = 0;  // that go to others now
};

struct JobStarted {
  JobId job;
  std::string source_url;
  WorkerId worker;
  std::uint32_t attempt = 0;
};

// The stage or the bytes of a running job changed; at most once per heartbeat and job.
struct JobProgressed {
  JobId job;
  WorkerId worker;
  Stage stage = Stage::locate;
  std::uint64_t bytes = 0;  // of this stage
};

// The attempt came to nothing, through no fault of the job's own: it is ready again at once.
struct JobReturned {
  JobId job;
  WorkerId worker;
  bool worker_lost = false;  // otherwise the worker gave it back unharmed
};

// The attempt failed; there will be another one.
struct JobRetrying {
  JobId job;
  std::string source_url;
  JobFailure failure;
  std::uint32_t failures = 0;  // so far
  std::chrono::milliseconds delay{};
};

struct JobFinished {
  JobId job;
  std::string source_url;
  JobSuccess success;
};

enum class FailureEnd {
  failed,       // the last attempt failed, or the first one for good
  quarantined,  // several different workers died over it
  canceled,     // nobody waits for it any more
};

struct JobFailed {
  JobId job;
  std::string source_url;
  JobFailure failure;
  FailureEnd end = FailureEnd::failed;
  std::uint32_t failures = 0;
  std::vector<std::string> killed;  // names of the workers that died over it
};

// All packages and the description of an environment are in the store.
struct EnvironmentReady {
  BatchId batch;
  std::size_t environment = 0;    // index into Plan::environments
  std::vector<std::string> keys;  // description first, then aliases
};

// The environment will not become ready in this batch.
struct EnvironmentFailed {
  BatchId batch;
  std::size_t environment = 0;
  std::uint64_t failed_packages = 0;  // 0: publishing the description failed
  Error error;
};

// One origin host, as the whole fleet uses it.
struct OriginStats {
  std::string netloc;
  std::uint64_t requests = 0;  // jobs whose bytes came from there
  std::uint64_t bytes = 0;
  std::uint64_t failures = 0;
  std::uint32_t in_flight = 0;             // jobs that may be fetching from it now
  std::uint32_t limit = 0;                 // of those
  std::chrono::milliseconds closed_for{};  // it asked for a pause, or failed: so much is left of it
  std::uint64_t waiting = 0;               // ready jobs that need it
  double requests_per_second = 0;          // as of late
  double rate_limit = 0;                   // of those; 0: none is known
  bool failing = false;  // it failed so often in a row that only a few jobs try it
  // Jobs wait for this host, not for workers: more workers won't help.
  bool bound = false;
};
struct OriginsChanged {
  std::vector<OriginStats> origins;
};

// How much there is of everything: drawn as bars. Sent at most four times a second, if changed.
struct Totals {
  std::uint64_t jobs_waiting = 0;  // ready or in backoff
  std::uint64_t jobs_running = 0;
  std::uint64_t jobs_done = 0;
  std::uint64_t jobs_failed = 0;
  std::uint64_t environments_ready = 0;
  std::uint64_t environments_failed = 0;
  std::uint64_t environments_open = 0;
  std::uint64_t workers = 0;
  std::uint64_t fetched_bytes = 0;
  std::uint64_t published_bytes = 0;

  friend bool operator==(const Totals&, const Totals&) = default;
};

// The coordinator was asked to stop: running jobs finish or come back, nothing new begins.
struct Draining {
  std::uint64_t running = 0;
};

using RunEvent = std::variant<BatchReceived, BatchAccepted, BatchExtended, BatchReleased,
                              BatchFinished, WorkerJoined, WorkerGone, JobStarted, JobProgressed,
                              JobReturned, JobRetrying, JobFinished, JobFailed, EnvironmentReady,
                              EnvironmentFailed, OriginsChanged, Totals, Draining>;

// Is told everything, in order, on the coordinator's loop thread: it must return soon.
class RunListener {
 public:
  virtual ~RunListener() = default;
  virtual void on_event(const RunEvent& event) = 0;
};

}  // namespace athanor::coordinator
