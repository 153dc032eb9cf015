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
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

enum class Speculation { on, off };

struct ReactorOptions {
  std::uint64_t epoch = 1;  // larger than any that a worker may remember
  protocol::WorkSettings settings;
  std::chrono::milliseconds heartbeat_interval = limits::k_heartbeat_interval;
  std::chrono::milliseconds lease_duration = limits::k_lease_duration;
  std::uint32_t job_attempts = limits::k_job_attempts;
  OriginLimits origins{};
  // The last jobs of all, when they take much longer than others did, are given to a second worker
  // too: whoever is done first, wins.
  Speculation speculation = Speculation::on;
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
  // A worker process has left of its own accord; its goodbye may still be on its way. Jobs that it
  // seems to hold go to others, unharmed.
  void on_process_left(TimePoint now, const std::string& name);
  // No worker of an earlier epoch can come back: their jobs need not wait for them.
  void on_no_return(TimePoint now);
  void on_tick(TimePoint now);
  void dispatch(TimePoint now);

  // --- What people want ---
  // A batch whose needs are known.
  Submitted on_submit(TimePoint now, Submission submission);
  // A batch is durable before anybody has worked out what it needs; then comes on_plan, whose
  // submission's name, priority and document are not looked at again, or on_plan_failed, which
  // ends its `environments` environments. Both leave alone what was canceled or planned meanwhile.
  BatchId on_receive(TimePoint now, std::string name, int priority, std::string document);
  std::optional<Submitted> on_plan(TimePoint now, BatchId batch, const Submission& submission);
  void on_plan_failed(TimePoint now, BatchId batch, std::size_t environments, const Error& error);
  // Adds jobs and environments to an open batch; the submission's name and priority are ignored.
  // Absent: the batch isn't there, is finished or canceled. A batch stays open as long as one of
  // its environments is being published, so the answer to publish_environment for a solve is: this
  // call, then on_environment_published, in the same turn; then both are durable or neither.
  std::optional<Submitted> on_extend(TimePoint now, BatchId batch, Submission submission);
  // Failed, quarantined and canceled jobs of the batch get a fresh budget of attempts and are ready
  // at once; its failed environments wait for them, or are published again if only that failed. A
  // finished batch opens again; a canceled one stays as it is.
  Released on_retry_batch(TimePoint now, BatchId batch);
  // The same for one job and every environment that it made fail, whatever the batch. Nothing is
  // released if no environment wants it any more.
  Released on_retry_job(TimePoint now, JobId job);
  // Jobs that nobody else waits for are canceled, running ones included.
  void on_cancel_batch(TimePoint now, BatchId batch);
  // Nobody will ask about a batch again: it goes, with the jobs that only it named. A batch that
  // isn't finished stays.
  void on_forget_batch(TimePoint now, BatchId batch);
  // The answer to Outbox::publish_environment: the keys written, or why not.
  void on_environment_published(TimePoint now, EnvironmentId environment,
                                const Result<std::vector<std::string>>& keys);
  // One worker takes nothing new, and leaves when it holds nothing any more. Not journaled: after a
  // restart of the coordinator it takes work again. False: there is no such worker.
  bool on_drain_worker(TimePoint now, WorkerId worker);
  // It takes work again, unless it has been told to leave already. False: there is no such worker,
  // or it is too late.
  bool on_resume_worker(TimePoint now, WorkerId worker);
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
  using Chosen = std::function<bool(JobId)>;
  using PendingGrants = std::map<WorkerId, std::vector<protocol::GrantedJob>>;

  // The worker that this peer and session name; null if there is none.
  Worker* session_of(TimePoint now, PeerId peer, std::uint64_t session);
  void leave(TimePoint now, Worker& worker);
  void lose(TimePoint now, WorkerId id, std::string_view reason, Blame blame);
  void end_session(TimePoint now, Worker& worker, WorkerEnd end, std::string_view reason,
                   Blame blame);
  std::vector<LeaseKey> adopt(TimePoint now, Worker& worker, const protocol::Hello& hello);
  void drain_worker(Worker& worker);
  void send_away(Worker& worker);
  void lose_silent_workers(TimePoint now);
  void end_expired_leases(TimePoint now);
  void notify_totals(TimePoint now);

  // Takes the lease out of every table; the job's state is the caller's business.
  Lease end_lease(const LeaseKey& key);
  void revoke_leases_of(TimePoint now, JobId job);
  void transition(JobId job, JobEvent event, WorkerId worker = {});
  void make_ready(JobId job);
  void return_job(TimePoint now, const Lease& lease, AttemptEnd end);
  void succeed(TimePoint now, const Lease& lease, const JobSuccess& success);
  void fail(TimePoint now, const Lease& lease, const JobFailure& failure);
  void record_story(JobId job);
  Attempt attempt_of(TimePoint now, const Lease& lease, AttemptEnd end) const;
  // The job has ended: tell who waited for it.
  void finish_job(JobId job);
  void notify_failed(JobId job, FailureEnd end);

  void complete_environment(EnvironmentId id);
  void close_environment(EnvironmentId id, EnvironmentState state,
                         const std::vector<std::string>& keys, const Error& error);
  Error environment_error(const Environment& environment) const;
  struct Intake {
    std::uint64_t new_jobs = 0;
    std::uint64_t joined_jobs = 0;
  };
  JobId take_job(const JobSpec& spec, Intake& counts);
  Intake take_jobs(const Submission& submission, Submitted& submitted);
  EnvironmentId take_environment(const SubmittedEnvironment& asked, std::uint32_t index,
                                 const Submitted& submitted);
  BatchId open_batch(std::string name, int priority, std::string document);
  // A batch that was received and neither planned nor canceled yet; null otherwise.
  Batch* unplanned(BatchId id);
  Submitted take_plan(BatchId id, const Submission& submission);
  void take_environments(const Submission& submission, const Submitted& submitted);
  void join_spec(JobId job, const JobSpec& spec);
  void queue_job(BatchId batch, JobId job);
  void finish_batch(BatchId id, bool canceled);
  void cancel_job_if_unwanted(TimePoint now, JobId job);
  Released retry(const std::vector<EnvironmentId>& environments, const Chosen& chosen);
  std::optional<std::vector<JobId>> rejoin(EnvironmentId id, const std::set<JobId>& released);
  bool is_worth_reopening(const Environment& environment) const;
  void reopen(EnvironmentId id);
  void release_job(JobId job);

  std::optional<ReadyQueue::Entry> next_ready(TimePoint now, const Worker& worker);
  std::optional<ReadyQueue::Entry> pop_ready(const std::function<bool(OriginId)>& may_ask);
  void dispatch_suspects(TimePoint now, PendingGrants& grants);
  Worker* least_busy_worker();
  void grant(TimePoint now, Worker& worker, const ReadyQueue::Entry& entry, PendingGrants& grants);
  void send_grants(PendingGrants& grants);
  bool takes_jobs(const Worker& worker) const;
  void hold(Worker& worker, const Lease& lease);
  void let_go(Worker& worker, const Lease& lease);
  void balance(TimePoint now, PendingGrants& grants);
  std::size_t retract_waiting(TimePoint now, std::size_t wanted);
  void speculate(TimePoint now, std::size_t slots, PendingGrants& grants);
  bool is_straggler(TimePoint now, const Lease& lease) const;
  void learn_pace(TimePoint now, const Lease& lease, std::uint64_t size);
  OriginId origin_of(std::string_view packed_spec);

  const ReactorOptions options_;
  Random random_;
  SessionSource session_source_;
  Outbox& outbox_;
  Core core_;
  std::map<PeerId, TimePoint> disconnected_;  // workers that have until then to come back
  TimePoint next_silence_check_;
  TimePoint next_totals_;
  TimePoint next_balance_;
  double pace_seconds_ = 0;  // how long jobs take, and how large they are: moving means
  double pace_bytes_ = 0;
  Totals told_;
};

}  // namespace athanor::coordinator
