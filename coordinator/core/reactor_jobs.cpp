#include "coordinator/core/reactor.hpp"
#include "coordinator/queue/backoff.hpp"
#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>

// Jobs: what becomes of each attempt.
namespace athanor::coordinator {
namespace {

bool has_all_wanted(const JobSpec& spec, const JobSuccess& success) {
  if (spec.kind() == JobKind::solve) {
    return success.solve.has_value();
  }
  return std::all_of(spec.wanted.begin(), spec.wanted.end(), [&](Format wanted) {
    return std::any_of(success.formats.begin(), success.formats.end(),
                       [&](const StoredFormat& stored) { return stored.format == wanted; });
  });
}

}  // namespace

void Reactor::transition(JobId job, JobEvent event, WorkerId worker) {
  const JobTransition change = core_.jobs.apply(job, event);
  const Job& now = core_.jobs.at(job);
  // A lease from before a restart keeps its epoch, or its worker couldn't come back with it.
  const std::vector<LeaseKey> leases =
      event == JobEvent::ask ? core_.leases.of_job(job) : std::vector<LeaseKey>();
  outbox_.record(JobStateRecord{.transition = change,
                                .epoch = leases.empty() ? core_.epoch : leases.front().epoch,
                                .attempt = now.attempt,
                                .failures = now.failures,
                                .crashes = now.crashes,
                                .worker = worker});
}

OriginId Reactor::origin_of(std::string_view packed_spec) {
  return packed_has_present(packed_spec) ? OriginId{0}
                                         : core_.origins.of_url(packed_url(packed_spec));
}

void Reactor::make_ready(JobId id) {
  const Job& job = core_.jobs.at(id);
  ATHANOR_CHECK(job.state == JobState::ready);
  if (job.crashes >= limits::k_crashes_until_alone) {
    core_.suspects.push_back(id);
    return;
  }
  const OriginId origin = origin_of(job.spec.view());
  const std::uint64_t size = packed_size(job.spec.view());
  std::set<BatchId> batches;
  for (const EnvironmentId environment : core_.jobs.waiters(id)) {
    if (batches.insert(core_.environments.at(environment).batch).second) {
      core_.ready.push(core_.environments.at(environment).batch, id, origin, size);
    }
  }
}

Lease Reactor::end_lease(const LeaseKey& key) {
  Lease lease = core_.leases.remove(key);
  core_.ready.end_executing(lease.batch);
  core_.origins.end(lease.origin);
  if (!core_.speculated.empty() && core_.leases.of_job(key.job).size() < 2) {
    core_.speculated.erase(key.job);
  }
  if (Worker* worker = core_.workers.find(lease.worker)) {
    let_go(*worker, lease);
    if (worker->held.empty()) {
      worker->alone = false;
    }
    if (worker->credit() > 0) {
      core_.workers.offer(*worker);
    }
    if (worker->state == WorkerState::draining && worker->held.empty()) {
      send_away(*worker);
    }
  }
  return lease;
}

void Reactor::revoke_leases_of(TimePoint now, JobId job) {
  for (const LeaseKey& key : core_.leases.of_job(job)) {
    const Lease lease = end_lease(key);
    if (const auto story = core_.stories.find(job); story != core_.stories.end()) {
      story->second.add(attempt_of(now, lease, AttemptEnd::outrun));
    }
    if (const Worker* worker = core_.workers.find(lease.worker)) {
      outbox_.send(worker->peer, protocol::Revoke{.leases = {key}});
    }
  }
}

Attempt Reactor::attempt_of(TimePoint now, const Lease& lease, AttemptEnd end) const {
  const Worker* worker = core_.workers.find(lease.worker);
  return {.number = lease.key.attempt,
          .worker = worker == nullptr ? std::string() : worker->name,
          .stage = lease.stage,
          .end = end,
          .kind = ErrorKind::bug,
          .message = {},
          .origin = core_.origins.netloc(lease.origin),
          .granted = lease.granted,
          .ended = now};
}

void Reactor::return_job(TimePoint now, const Lease& lease, AttemptEnd end) {
  const JobId id = lease.key.job;
  if (!lease.retracted || end != AttemptEnd::given_back) {
    core_.stories[id].add(attempt_of(now, lease, end));
    record_story(id);
  }
  if (core_.leases.has_any(id)) {
    return;  // it still runs elsewhere
  }
  outbox_.notify(JobReturned{
      .job = id, .worker = lease.worker, .worker_lost = end == AttemptEnd::worker_lost});
  if (core_.jobs.at(id).crashes >= limits::k_crashes_until_quarantine) {
    transition(id, JobEvent::poison, lease.worker);
    JobStory& story = core_.stories[id];
    if (!story.has_failure) {
      story.has_failure = true;
      story.failure = {
          .stage = lease.stage,
          .kind = ErrorKind::rejected,
          .message = std::to_string(story.killed.size()) + " workers died while they worked on it",
          .hint = "look at the workers' logs; then retry it",
          .fetched_bytes = 0,
          .retry_after = std::nullopt};
    }
    record_story(id);
    notify_failed(id, FailureEnd::quarantined);
    finish_job(id);
    return;
  }
  transition(id, JobEvent::come_back, lease.worker);
  make_ready(id);
}

void Reactor::on_report(TimePoint now, PeerId peer, const protocol::Report& report) {
  Worker* worker = session_of(now, peer, report.session);
  if (worker == nullptr) {
    return;
  }
  // A report from a fenced attempt changes nothing, but its worker may forget it.
  outbox_.send(peer, protocol::ReportAck{.lease = report.lease});
  const Lease* found = core_.leases.find(report.lease);
  if (found != nullptr && found->worker == worker->id) {
    const Lease lease = end_lease(report.lease);
    if (const auto* success = std::get_if<JobSuccess>(&report.outcome)) {
      succeed(now, lease, *success);
    } else {
      fail(now, lease, std::get<JobFailure>(report.outcome));
    }
  }
}

void Reactor::succeed(TimePoint now, const Lease& lease, const JobSuccess& success) {
  const JobId id = lease.key.job;
  Job& job = core_.jobs.at(id);
  auto spec = unpack_spec(job.spec.view());
  ATHANOR_CHECK(spec.ok());
  if (!has_all_wanted(*spec, success)) {
    fail(now, lease,
         {.stage = Stage::publish,
          .kind = ErrorKind::bug,
          .message = "the worker reported success without what was wanted",
          .hint = "run workers of the coordinator's version",
          .fetched_bytes = success.fetched_bytes,
          .retry_after = std::nullopt});
    return;
  }
  learn_pace(now, lease, packed_size(job.spec.view()));
  if (core_.leases.has_any(id)) {
    core_.stories[id];  // that it was done by two is worth telling
  }
  revoke_leases_of(now, id);
  std::string packed = pack_success(success);
  job.result = PackedBytes(packed);
  job.last_worker = static_cast<std::uint32_t>(lease.worker.value);
  if (const auto story = core_.stories.find(id); story != core_.stories.end()) {
    story->second.add(attempt_of(now, lease, AttemptEnd::succeeded));
    record_story(id);
  }
  transition(id, JobEvent::succeed, lease.worker);
  outbox_.record(JobResultRecord{.id = id, .success = std::move(packed)});
  core_.totals.fetched_bytes += success.fetched_bytes;
  core_.totals.published_bytes += success.published_bytes;
  core_.origins.count_success(lease.origin, now, success);
  outbox_.notify(
      JobFinished{.job = id, .source_url = std::move(spec->source_url), .success = success});
  finish_job(id);
}

void Reactor::fail(TimePoint now, const Lease& lease, const JobFailure& failure) {
  const JobId id = lease.key.job;
  if (failure.kind == ErrorKind::canceled) {
    return_job(now, lease, AttemptEnd::given_back);  // stopped, not failed
    return;
  }
  Job& job = core_.jobs.at(id);
  if (is_throttled(failure) && failure.kind == ErrorKind::retry &&
      job.throttles < k_free_throttles) {
    ++job.throttles;
  } else {
    job.failures = static_cast<std::uint8_t>(std::min(job.failures + 1, 255));
  }
  core_.totals.fetched_bytes += failure.fetched_bytes;
  core_.origins.count_failure(lease.origin, now, lease.granted, failure);
  JobStory& story = core_.stories[id];
  story.has_failure = true;
  story.failure = failure;
  Attempt attempt = attempt_of(now, lease, AttemptEnd::failed);
  attempt.stage = failure.stage;
  attempt.kind = failure.kind;
  attempt.message = failure.message;
  story.add(std::move(attempt));
  if (is_worth_retrying(failure.kind) && core_.leases.has_any(id)) {
    record_story(id);
    return;  // another worker is at it already
  }
  const bool again = is_worth_retrying(failure.kind) && job.failures < options_.job_attempts;
  if (!again) {
    revoke_leases_of(now, id);
    transition(id, JobEvent::fail_for_good, lease.worker);
    record_story(id);
    notify_failed(id, FailureEnd::failed);
    finish_job(id);
    return;
  }
  transition(id, JobEvent::fail_for_now, lease.worker);
  record_story(id);
  const auto delay = backoff_delay(job.failures, failure.retry_after, random_);
  story.wake_at = now + delay;
  core_.wakes.push({.at = now + delay, .id = id});
  outbox_.notify(JobRetrying{.job = id,
                             .source_url = std::string(packed_url(job.spec.view())),
                             .failure = failure,
                             .failures = job.failures,
                             .delay = delay});
}

void Reactor::record_story(JobId job) {
  const JobStory& story = core_.stories.at(job);
  outbox_.record(
      JobStoryRecord{.id = job,
                     .failure = story.has_failure ? pack_failure(story.failure) : std::string(),
                     .killed = story.killed,
                     .attempts = story.attempts,
                     .forgotten_attempts = story.forgotten_attempts});
}

void Reactor::notify_failed(JobId id, FailureEnd end) {
  const Job& job = core_.jobs.at(id);
  JobFailed event{.job = id,
                  .source_url = std::string(packed_url(job.spec.view())),
                  .failure = {},
                  .end = end,
                  .failures = job.failures,
                  .killed = {}};
  if (const auto story = core_.stories.find(id); story != core_.stories.end()) {
    event.failure = story->second.failure;
    event.killed = story->second.killed;
  }
  outbox_.notify(std::move(event));
}

void Reactor::finish_job(JobId id) {
  const bool done = core_.jobs.at(id).state == JobState::done;
  for (const EnvironmentId waiter : core_.jobs.take_waiters(id)) {
    Environment& environment = core_.environments.at(waiter);
    ATHANOR_CHECK(environment.remaining > 0);
    --environment.remaining;
    if (!done) {
      ++environment.failed;
      if (environment.first_failed.value == 0) {
        environment.first_failed = id;
      }
    }
    if (environment.remaining == 0) {
      complete_environment(waiter);
    }
  }
}

void Reactor::end_expired_leases(TimePoint now) {
  for (const LeaseKey& key : core_.leases.expired(now)) {
    const bool stuck = core_.leases.find(key)->expires > now;
    const Lease lease = end_lease(key);
    const Worker* worker = core_.workers.find(lease.worker);
    if (worker != nullptr) {
      outbox_.send(worker->peer, protocol::Revoke{.leases = {key}});
    }
    if (stuck && worker != nullptr) {
      fail(now, lease,
           {.stage = lease.stage,
            .kind = ErrorKind::retry,
            .message = "worker '" + worker->name + "' made no progress for " +
                       std::to_string(limits::k_progress_timeout.count() / 1000) + " s",
            .hint = "look at that worker's log",
            .fetched_bytes = 0,
            .retry_after = std::nullopt});
    } else {
      return_job(now, lease, AttemptEnd::expired);
    }
  }
}

void Reactor::on_tick(TimePoint now) {
  core_.origins.on_tick(now);
  lose_silent_workers(now);
  end_expired_leases(now);
  while (!core_.wakes.empty() && core_.wakes.top().at <= now) {
    const JobId id = core_.wakes.top().id;
    core_.wakes.pop();
    const Job* job = core_.jobs.find(id);
    if (job != nullptr && job->state == JobState::waiting) {
      transition(id, JobEvent::wake);
      make_ready(id);
    }
  }
  while (!core_.republish.empty() && core_.republish.top().at <= now) {
    const EnvironmentId id = core_.republish.top().id;
    core_.republish.pop();
    const auto found = core_.environments.find(id);
    if (found != core_.environments.end() && found->second.state == EnvironmentState::publishing) {
      outbox_.publish_environment(id);
    }
  }
  notify_totals(now);
}

Totals Reactor::totals() const {
  Totals totals = core_.totals;
  totals.jobs_waiting = core_.jobs.count(JobState::ready) + core_.jobs.count(JobState::waiting);
  totals.jobs_running = core_.jobs.count(JobState::leased);
  totals.jobs_done = core_.jobs.count(JobState::done);
  totals.jobs_failed = core_.jobs.count(JobState::failed) + core_.jobs.count(JobState::quarantined);
  totals.workers = core_.workers.size();
  return totals;
}

void Reactor::notify_totals(TimePoint now) {
  if (now < next_totals_) {
    return;
  }
  next_totals_ = now + std::chrono::milliseconds(250);
  const Totals current = totals();
  if (current != told_) {
    told_ = current;
    outbox_.notify(current);
    outbox_.notify(OriginsChanged{.origins = core_.origins.stats(now, [this](OriginId id) {
      return core_.ready.waiting(id);
    })});
  }
}

}  // namespace athanor::coordinator
