#include "coordinator/core/explain.hpp"

#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

std::string worker_name(const Core& core, WorkerId id) {
  if (const Worker* worker = core.workers.find(id)) {
    return worker->name;
  }
  const auto past = core.past_workers.find(id);
  return past == core.past_workers.end() ? std::string() : past->second;
}

OriginId origin_of(const Core& core, const Job& job) {
  return packed_has_present(job.spec.view()) ? OriginId{0}
                                             : core.origins.find_url(packed_url(job.spec.view()));
}

WaitReason origin_reason(const Core& core, const Job& job, TimePoint now) {
  const OriginId origin = origin_of(core, job);
  const OriginGate gate = core.origins.gate(origin, now);
  WaitReason reason;
  switch (gate.state) {
    case OriginState::open:
      return reason;
    case OriginState::full:
      reason.kind = WaitKind::origin_full;
      break;
    case OriginState::rate:
      reason.kind = WaitKind::origin_rate;
      reason.until = gate.until;
      break;
    case OriginState::paused:
      reason.kind = WaitKind::origin_paused;
      reason.until = gate.until;
      break;
  }
  reason.origin = core.origins.netloc(origin);
  return reason;
}

WaitReason ready_reason(const Core& core, const Job& job, TimePoint now) {
  WaitReason reason;
  if (core.draining) {
    reason.kind = WaitKind::coordinator_drains;
    return reason;
  }
  bool any = false;
  bool room = false;
  for (const auto& [id, worker] : core.workers.all()) {
    any = any || worker.state == WorkerState::active;
    room = room || (worker.credit() > 0 && !worker.alone);
  }
  if (!any) {
    reason.kind = WaitKind::no_worker;
  } else if (job.crashes >= limits::k_crashes_until_alone) {
    reason.kind = WaitKind::worker_alone;
  } else {
    reason = origin_reason(core, job, now);
    if (reason.kind == WaitKind::nothing) {
      reason.kind = room ? WaitKind::turn : WaitKind::workers_full;
    }
  }
  return reason;
}

}  // namespace

WaitReason why_waiting(const Core& core, JobId id, TimePoint now) {
  WaitReason reason;
  const Job* job = core.jobs.find(id);
  if (job == nullptr) {
    return reason;
  }
  if (job->state == JobState::ready) {
    reason = ready_reason(core, *job, now);
  } else if (job->state == JobState::waiting) {
    reason.kind = WaitKind::backoff;
    if (const auto story = core.stories.find(id); story != core.stories.end()) {
      reason.until = story->second.wake_at;
    }
  }
  reason.ready_jobs = core.jobs.count(JobState::ready);
  return reason;
}

std::optional<JobExplanation> explain_job(const Core& core, JobId id, TimePoint now) {
  const Job* job = core.jobs.find(id);
  if (job == nullptr) {
    return std::nullopt;
  }
  JobExplanation result;
  result.job = id;
  result.state = job->state;
  auto spec = unpack_spec(job->spec.view());
  ATHANOR_CHECK(spec.ok());
  result.spec = *std::move(spec);
  result.spec.fetch_url = result.spec.source_url;
  if (result.spec.solve) {
    for (SolveChannel& channel : result.spec.solve->channels) {
      channel.fetch_url.clear();
    }
  }
  result.attempts = job->attempt;
  result.failures = job->failures;
  result.crashes = job->crashes;
  result.why = why_waiting(core, id, now);
  for (const LeaseKey& key : core.leases.of_job(id)) {
    const Lease& lease = *core.leases.find(key);
    result.running.push_back({.number = key.attempt,
                              .worker = worker_name(core, lease.worker),
                              .worker_id = lease.worker,
                              .stage = lease.stage,
                              .bytes = lease.bytes,
                              .granted = lease.granted,
                              .expires = lease.expires,
                              .begun = lease.begun});
  }
  if (const auto story = core.stories.find(id); story != core.stories.end()) {
    result.history = story->second.attempts;
    result.forgotten_attempts = story->second.forgotten_attempts;
    if (story->second.has_failure) {
      result.failure = story->second.failure;
    }
  }
  for (const EnvironmentId waiter : core.jobs.waiters(id)) {
    ++result.waiting_environments;
    if (result.waiters.size() < JobExplanation::k_waiters) {
      const Environment& environment = core.environments.at(waiter);
      result.waiters.push_back({.batch = environment.batch,
                                .batch_name = core.batches.at(environment.batch).name,
                                .environment = environment.index});
    }
  }
  if (!job->result.empty()) {
    auto success = unpack_success(job->result.view());
    ATHANOR_CHECK(success.ok());
    result.success = *std::move(success);
    result.done_by = worker_name(core, WorkerId{job->last_worker});
  }
  return result;
}

std::vector<JobId> find_jobs(const Core& core, std::string_view source_url) {
  std::vector<JobId> jobs;
  for (const std::string& key : possible_keys(source_url)) {
    if (const auto job = core.jobs.find_key(key)) {
      jobs.push_back(*job);
    }
  }
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

}  // namespace athanor::coordinator
