#include "coordinator/core/reactor.hpp"
#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <utility>

// Who gets which job.
namespace athanor::coordinator {

std::optional<ReadyQueue::Entry> Reactor::pop_ready(const std::function<bool(OriginId)>& may_ask) {
  while (auto entry = core_.ready.pop(may_ask)) {
    const Job* job = core_.jobs.find(entry->job);
    // Entries are hints: the job may have been granted through another batch meanwhile.
    if (job != nullptr && job->state == JobState::ready &&
        job->crashes < limits::k_crashes_until_alone) {
      return entry;
    }
  }
  return std::nullopt;
}

// A host that gets its requests by the second loses each one that isn't used, so its jobs go first.
// Jobs that download and jobs that only compute share a worker: some computing all the time, but no
// more than there are cores for, as long as there is something to download.
std::optional<ReadyQueue::Entry> Reactor::next_ready(TimePoint now, const Worker& worker) {
  const auto is_open = [this, now](OriginId origin) { return core_.origins.is_open(origin, now); };
  if (core_.origins.any_rated()) {
    const auto is_due = [this, now](OriginId origin) {
      return core_.origins.requests_per_job(origin) != 0 && core_.origins.is_open(origin, now);
    };
    if (auto entry = pop_ready(is_due)) {
      return entry;
    }
  }
  if (core_.ready.waiting(0) != 0) {
    const auto computes = [](OriginId origin) { return origin == 0; };
    const auto downloads = [&](OriginId origin) { return origin != 0 && is_open(origin); };
    std::optional<ReadyQueue::Entry> entry;
    if (worker.cpu_bound == 0) {
      entry = pop_ready(computes);
    } else if (worker.cpu_bound >= worker.capacity.cpu) {
      entry = pop_ready(downloads);
    }
    if (entry) {
      return entry;
    }
  }
  return pop_ready(is_open);
}

bool Reactor::takes_jobs(const Worker& worker) const {
  return worker.state == WorkerState::active && !worker.alone &&
         disconnected_.count(worker.peer) == 0;
}

void Reactor::dispatch(TimePoint now) {
  if (core_.draining) {
    return;
  }
  PendingGrants grants;
  dispatch_suspects(now, grants);
  // One job each in turn: few jobs spread over many workers, instead of filling the first ones up.
  while (const auto id = core_.workers.next_offer()) {
    Worker& worker = *core_.workers.find(*id);
    if (!takes_jobs(worker) || worker.credit() == 0) {
      continue;  // is offered again when that changes
    }
    const auto entry = next_ready(now, worker);
    if (!entry) {
      core_.workers.offer(worker);
      balance(now, grants);
      break;
    }
    grant(now, worker, *entry, grants);
    if (worker.credit() > 0) {
      core_.workers.offer(worker);
    }
  }
  send_grants(grants);
}

void Reactor::dispatch_suspects(TimePoint now, PendingGrants& grants) {
  while (!core_.suspects.empty()) {
    const JobId id = core_.suspects.front();
    const Job* job = core_.jobs.find(id);
    if (job == nullptr || job->state != JobState::ready ||
        job->crashes < limits::k_crashes_until_alone) {
      core_.suspects.pop_front();
      continue;
    }
    Worker* worker = core_.workers.find(core_.reserved);
    if (worker == nullptr || worker->state != WorkerState::active) {
      worker = least_busy_worker();
    }
    if (worker == nullptr) {
      return;
    }
    worker->alone = true;  // it gets nothing else until the suspect has ended
    if (!worker->held.empty()) {
      core_.reserved = worker->id;
      return;
    }
    core_.reserved = {};
    core_.suspects.pop_front();
    const BatchId batch = core_.environments.at(core_.jobs.waiters(id).front()).batch;
    grant(now, *worker, {.batch = batch, .job = id, .origin = origin_of(job->spec.view())}, grants);
  }
}

Worker* Reactor::least_busy_worker() {
  WorkerId best;
  std::size_t fewest = 0;
  for (const auto& [id, worker] : core_.workers.all()) {
    if (takes_jobs(worker) && (best.value == 0 || worker.held.size() < fewest)) {
      best = id;
      fewest = worker.held.size();
    }
  }
  return core_.workers.find(best);
}

void Reactor::hold(Worker& worker, const Lease& lease) {
  worker.held.insert(lease.key);
  worker.cpu_bound += lease.origin == 0 ? 1 : 0;
}

void Reactor::let_go(Worker& worker, const Lease& lease) {
  if (worker.held.erase(lease.key) != 0) {
    worker.cpu_bound -= lease.origin == 0 ? 1 : 0;
  }
}

void Reactor::grant(TimePoint now, Worker& worker, const ReadyQueue::Entry& entry,
                    PendingGrants& grants) {
  Job& job = core_.jobs.at(entry.job);
  ++job.attempt;
  const Lease lease{.key = {.epoch = core_.epoch, .job = entry.job, .attempt = job.attempt},
                    .worker = worker.id,
                    .batch = entry.batch,
                    .origin = entry.origin,
                    .granted = now,
                    .expires = now + options_.lease_duration,
                    .begun = now,
                    .progressed = now,
                    .stage = Stage::locate,
                    .bytes = 0,
                    .steps = 0,
                    .order = core_.next_grant++,
                    .retracted = {}};
  transition(entry.job, JobEvent::grant, worker.id);
  core_.leases.add(lease);
  core_.ready.begin_executing(entry.batch);
  core_.origins.begin(entry.origin, now);
  hold(worker, lease);
  auto spec = unpack_spec(job.spec.view());
  ATHANOR_CHECK(spec.ok());
  spec->requests = core_.origins.requests_per_job(entry.origin);
  outbox_.notify(JobStarted{.job = entry.job,
                            .source_url = spec->source_url,
                            .worker = worker.id,
                            .attempt = job.attempt});
  const bool paced = spec->requests != 0;
  grants[worker.id].push_back({.lease = lease.key, .spec = std::move(*spec), .first = paced});
}

void Reactor::send_grants(PendingGrants& grants) {
  for (auto& [id, jobs] : grants) {
    const PeerId peer = core_.workers.find(id)->peer;
    protocol::Grant message;
    std::size_t bytes = 0;
    for (protocol::GrantedJob& job : jobs) {
      bytes += core_.jobs.at(job.lease.job).spec.view().size() + job.spec.source_url.size();
      message.jobs.push_back(std::move(job));
      if (message.jobs.size() >= limits::k_grant_jobs || bytes >= limits::k_grant_bytes) {
        outbox_.send(peer, std::exchange(message, {}));
        bytes = 0;
      }
    }
    if (!message.jobs.empty()) {
      outbox_.send(peer, std::move(message));
    }
  }
}

}  // namespace athanor::coordinator
