#pragma once

#include "coordinator/core/core.hpp"
#include "coordinator/core/outbox.hpp"
#include "coordinator/core/submission.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/random.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/messages.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

struct ReactorOptions {
  std::uint64_t epoch = 1;  // larger than any that a worker may remember
  protocol::WorkSettings settings;
  std::chrono::milliseconds heartbeat_interval = limits::k_heartbeat_interval;
  std::chrono::milliseconds lease_duration = limits::k_lease_duration;
  std::uint32_t job_attempts = limits::k_job_attempts;
};

// Decides everything. Each on_… is something that happened; what follows from it goes to the outbox
// before the call returns. dispatch() hands out ready jobs and is called once after everything of a
// turn, so that a turn's jobs travel together. Deterministic: the same calls with the same random
// generator and session source give the same outbox. Not thread-safe; no call blocks.
//
// Nothing a peer sends is a bug of ours: what doesn't fit is answered or ignored.
class Reactor {
 public:
  // `session_source` gives numbers that nobody can guess.
  using SessionSource = std::function<std::uint64_t()>;
  // The outbox outlives the reactor.
  Reactor(ReactorOptions options, Random random, SessionSource session_source, Outbox& outbox);

  const Core& core() const { return core_; }

  // --- What workers say ---
  void on_message(TimePoint now, PeerId peer, const protocol::Message& message);
  void on_hello(TimePoint now, PeerId peer, const protocol::Hello& hello);
  void on_renew(TimePoint now, PeerId peer, const protocol::Renew& renew);
  void on_report(TimePoint now, PeerId peer, const protocol::Report& report);
  void on_release(TimePoint now, PeerId peer, const protocol::Release& release);
  void on_goodbye(TimePoint now, PeerId peer, const protocol::Goodbye& goodbye);

  // --- What the server sees ---
  // The connection broke: the worker has a moment to come back with its work.
  void on_disconnected(TimePoint now, PeerId peer);
  // The worker is dead for certain; the reason is a clause for a person.
  void on_lost(TimePoint now, PeerId peer, std::string_view reason);
  // The same, for a worker process known by the name that it gives itself.
  void on_process_ended(TimePoint now, const std::string& name, std::string_view reason);
  // No worker of an earlier epoch can come back: their jobs need not wait for them.
  void on_no_return(TimePoint now);
  void on_tick(TimePoint now);
  void dispatch(TimePoint now);

  // --- What people want ---
  Submitted on_submit(TimePoint now, Submission submission);
  // Jobs that nobody else waits for are canceled, running ones included.
  void on_cancel_batch(TimePoint now, BatchId batch);
  // Nobody will ask about a batch again: it goes, with the jobs that only it named. A batch that
  // isn't finished stays.
  void on_forget_batch(TimePoint now, BatchId batch);
  // The answer to Outbox::publish_environment: the keys written, or why not.
  void on_environment_published(TimePoint now, EnvironmentId environment,
                                const Result<std::vector<std::string>>& keys);
  // One worker takes nothing new and leaves. False: there is no such worker.
  bool on_drain_worker(TimePoint now, WorkerId worker);
  // The whole coordinator: grants nothing more, all workers drain. Never reversed.
  void on_drain(TimePoint now);

  // No batch has anything left to do.
  bool is_idle() const { return core_.open_batches == 0; }
  // Draining, and no worker holds anything.
  bool is_drained() const { return core_.draining && core_.leases.size() == 0; }
  // Jobs and environments by state, now.
  Totals totals() const;

 private:
  friend class Restorer;

  enum class Blame { yes, no };
  using PendingGrants = std::map<WorkerId, std::vector<protocol::GrantedJob>>;

  // The worker that this peer and session name; null if there is none.
  Worker* session_of(TimePoint now, PeerId peer, std::uint64_t session);
  void lose(WorkerId id, std::string_view reason, Blame blame);
  void end_session(Worker& worker, WorkerEnd end, std::string_view reason, Blame blame);
  std::vector<LeaseKey> adopt(TimePoint now, Worker& worker, const protocol::Hello& hello);
  void drain_worker(Worker& worker);
  void lose_silent_workers(TimePoint now);
  void end_expired_leases(TimePoint now);
  void notify_totals(TimePoint now);

  // Takes the lease out of every table; the job's state is the caller's business.
  Lease end_lease(const LeaseKey& key);
  void revoke_leases_of(JobId job);
  void transition(JobId job, JobEvent event, WorkerId worker = {});
  void make_ready(JobId job);
  void return_job(const Lease& lease, Blame blame);
  void succeed(const Lease& lease, const JobSuccess& success);
  void fail(TimePoint now, const Lease& lease, const JobFailure& failure);
  void record_story(JobId job);
  // The job has ended: tell who waited for it.
  void finish_job(JobId job);
  void notify_failed(JobId job, FailureEnd end);

  void complete_environment(EnvironmentId id);
  void close_environment(EnvironmentId id, EnvironmentState state,
                         const std::vector<std::string>& keys, const Error& error);
  Error environment_error(const Environment& environment) const;
  JobId take_job(const JobSpec& spec, BatchAccepted& counts);
  EnvironmentId take_environment(const SubmittedEnvironment& asked, std::size_t index,
                                 const Submitted& submitted);
  void join_spec(JobId job, const JobSpec& spec);
  void queue_jobs(const Submitted& submitted);
  void finish_batch(BatchId id, bool canceled);
  void cancel_job_if_unwanted(JobId job);

  std::optional<ReadyQueue::Entry> next_ready(TimePoint now);
  void dispatch_suspects(TimePoint now, PendingGrants& grants);
  Worker* least_busy_worker();
  void grant(TimePoint now, Worker& worker, const ReadyQueue::Entry& entry, PendingGrants& grants);
  void send_grants(PendingGrants& grants);
  OriginId origin_of(std::string_view packed_spec);

  const ReactorOptions options_;
  Random random_;
  SessionSource session_source_;
  Outbox& outbox_;
  Core core_;
  std::map<PeerId, TimePoint> disconnected_;  // workers that have until then to come back
  TimePoint next_silence_check_;
  TimePoint next_totals_;
  Totals told_;
};

}  // namespace athanor::coordinator
