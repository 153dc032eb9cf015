#include "coordinator/core/restore.hpp"

#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <utility>

namespace athanor::coordinator {
namespace {

Error contradiction(std::string_view what, std::uint64_t number) {
  return make_error(
      ErrorKind::corrupt,
      "the journal contradicts itself: " + std::string(what) + " " + std::to_string(number),
      "move the journal away and submit again: what the store holds is not redone");
}

}  // namespace

void Restorer::add_forgotten(BatchId batch, EnvironmentId environment, JobId job) {
  Core& core = reactor_.core_;
  core.next_batch = std::max(core.next_batch, batch.value + 1);
  core.next_environment = std::max(core.next_environment, environment.value + 1);
  core.jobs.skip_to(JobId{job.value + 1});
}

void Restorer::add_batch(BatchId id, std::string name, int priority, bool finished, bool canceled) {
  Core& core = reactor_.core_;
  Batch& batch = core.batches[id];
  batch.name = std::move(name);
  batch.priority = priority;
  batch.canceled = canceled;
  batch.planned = finished;
  core.next_batch = std::max(core.next_batch, id.value + 1);
  if (!finished) {
    core.ready.add_batch(id, priority);
  }
}

Result<void> Restorer::add_job(const RestoredJob& restored) {
  Core& core = reactor_.core_;
  const std::string_view key = packed_key(restored.spec);
  if (key.empty() || restored.id.value == 0 || restored.id.value >= UINT32_MAX ||
      core.jobs.find(restored.id) != nullptr || core.jobs.find_key(key)) {
    return contradiction("job", restored.id.value);
  }
  // A backoff that was cut short by a restart has been long enough.
  const JobState state = restored.state == JobState::waiting ? JobState::ready : restored.state;
  core.jobs.restore(restored.id, restored.spec, state);
  Job& job = core.jobs.at(restored.id);
  job.attempt = restored.attempt;
  job.failures = restored.failures;
  job.crashes = restored.crashes;
  if (state == JobState::leased) {
    leased_.push_back({.epoch = restored.epoch, .job = restored.id, .attempt = restored.attempt});
  }
  return {};
}

Result<void> Restorer::add_result(JobId id, std::string_view success) {
  Job* job = reactor_.core_.jobs.find(id);
  if (job == nullptr) {
    return contradiction("the result of job", id.value);
  }
  job->result = PackedBytes(success);
  return {};
}

Result<void> Restorer::add_story(JobId id, RestoredStory restored) {
  if (reactor_.core_.jobs.find(id) == nullptr) {
    return contradiction("the story of job", id.value);
  }
  JobStory& story = reactor_.core_.stories[id];
  story.killed = std::move(restored.killed);
  story.attempts = std::move(restored.attempts);
  story.forgotten_attempts = restored.forgotten_attempts;
  if (!restored.failure.empty()) {
    ATHANOR_ASSIGN(story.failure, unpack_failure(restored.failure));
    story.has_failure = true;
  }
  return {};
}

Result<void> Restorer::add_environment(const EnvironmentRecord& record, EnvironmentState state) {
  Core& core = reactor_.core_;
  const auto batch = core.batches.find(record.batch);
  if (batch == core.batches.end() || record.id.value == 0 || record.id.value >= UINT32_MAX ||
      core.environments.count(record.id) != 0) {
    return contradiction("environment", record.id.value);
  }
  Environment& environment = core.environments[record.id];
  environment.batch = record.batch;
  environment.index = record.index;
  environment.publish = record.publish;
  environment.conflicts = record.conflicts;
  environment.jobs = record.jobs;
  environment.state = state;
  core.next_environment = std::max(core.next_environment, record.id.value + 1);
  if (record.index != batch->second.environments.size()) {
    return contradiction("the index of environment", record.id.value);
  }
  batch->second.environments.push_back(record.id);
  batch->second.planned = true;
  for (const std::uint32_t number : record.jobs) {
    const JobId id{number};
    Job* job = core.jobs.find(id);
    if (job == nullptr) {
      return contradiction("a job of an environment", number);
    }
    ++job->references;
    if (!is_open(state)) {
      continue;
    }
    if (!is_final(job->state)) {
      core.jobs.add_waiter(id, record.id);
      ++environment.remaining;
    } else if (job->state != JobState::done) {
      ++environment.failed;
      environment.first_failed =
          environment.first_failed.value == 0 ? id : environment.first_failed;
    }
  }
  if (is_open(state)) {
    environment.state = EnvironmentState::collecting;
    ++batch->second.open_environments;
    ++core.totals.environments_open;
  } else if (state == EnvironmentState::ready) {
    ++core.totals.environments_ready;
  } else {
    ++core.totals.environments_failed;
  }
  return {};
}

void Restorer::finish(TimePoint now) {
  Core& core = reactor_.core_;
  for (const auto& [id, batch] : core.batches) {
    core.open_batches += batch.finished() ? 0U : 1U;
  }
  for (const LeaseKey& key : leased_) {
    const std::vector<EnvironmentId> waiters = core.jobs.waiters(key.job);
    const Job& job = core.jobs.at(key.job);
    const OriginId origin = reactor_.origin_of(job.spec.view());
    const BatchId batch = waiters.empty() ? BatchId{} : core.environments.at(waiters.front()).batch;
    core.leases.add({.key = key,
                     .worker = {},
                     .batch = batch,
                     .origin = origin,
                     .granted = now,
                     .expires = now + reactor_.options_.lease_duration,
                     .begun = now,
                     .progressed = now,
                     .stage = Stage::locate,
                     .bytes = 0,
                     .steps = 0,
                     .order = core.next_grant++,
                     .retracted = {}});
    core.ready.begin_executing(batch);
    core.origins.begin(origin, now);
  }
  for (std::uint64_t number = 1; number < core.jobs.end().value; ++number) {
    const Job* job = core.jobs.find(JobId{number});
    if (job != nullptr && job->state == JobState::ready) {
      reactor_.make_ready(JobId{number});
    }
  }
  std::vector<EnvironmentId> complete;
  for (const auto& [id, environment] : core.environments) {
    if (is_open(environment.state) && environment.remaining == 0) {
      complete.push_back(id);
    }
  }
  for (const EnvironmentId id : complete) {
    reactor_.complete_environment(id);
  }
}

}  // namespace athanor::coordinator
