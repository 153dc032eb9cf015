#include "coordinator/core/reactor.hpp"
#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

// What a person asks to be tried once more.
namespace athanor::coordinator {
namespace {

bool ended_badly(JobState state) {
  return is_final(state) && state != JobState::done;
}

}  // namespace

// Whether trying again could change anything: a job is under way again, or all are done and only
// the description couldn't be published.
bool Reactor::is_worth_reopening(const Environment& environment) const {
  bool all_done = true;
  for (const std::uint32_t number : environment.jobs) {
    const JobState state = core_.jobs.at(JobId{number}).state;
    if (!is_final(state)) {
      return true;
    }
    all_done = all_done && state == JobState::done;
  }
  return all_done && environment.conflicts == 0;
}

void Reactor::reopen(EnvironmentId id) {
  Environment& environment = core_.environments.at(id);
  Batch& batch = core_.batches.at(environment.batch);
  if (batch.finished()) {
    core_.ready.add_batch(environment.batch, batch.priority);
    ++core_.open_batches;
    outbox_.record(BatchReopenRecord{.id = environment.batch});
    core_.leases.for_each([&](const Lease& lease) {
      if (lease.batch == environment.batch) {
        core_.ready.begin_executing(environment.batch);  // for a job that another batch joined
      }
    });
  }
  ++batch.open_environments;
  environment.state = EnvironmentState::collecting;
  environment.publish_failures = 0;
  --core_.totals.environments_failed;
  ++core_.totals.environments_open;
  outbox_.record(EnvironmentReopenRecord{.id = id});
}

void Reactor::release_job(JobId id) {
  Job& job = core_.jobs.at(id);
  job.failures = 0;
  job.crashes = 0;
  job.throttles = 0;
  transition(id, JobEvent::retry);
  if (const auto story = core_.stories.find(id);
      story != core_.stories.end() && !story->second.killed.empty()) {
    story->second.killed.clear();
    record_story(id);
  }
}

// The environment waits for what was released, and for what had failed and somebody else had tried
// again. Returns these jobs; absent: it can't become ready for another reason.
std::optional<std::vector<JobId>> Reactor::rejoin(EnvironmentId id,
                                                  const std::set<JobId>& released) {
  Environment& environment = core_.environments.at(id);
  const bool closed = environment.state == EnvironmentState::failed;
  if (closed) {
    if (!is_worth_reopening(environment)) {
      return std::nullopt;
    }
    reopen(id);
  }
  std::vector<JobId> joined;
  const bool had_failures = environment.failed != 0;
  environment.failed = 0;
  environment.first_failed = {};
  for (const std::uint32_t number : environment.jobs) {
    const JobId job{number};
    const JobState state = core_.jobs.at(job).state;
    if (ended_badly(state)) {
      ++environment.failed;
      environment.first_failed = environment.failed == 1 ? job : environment.first_failed;
    } else if (!is_final(state) && (closed || released.count(job) != 0 ||
                                    (had_failures && !core_.jobs.is_waiting(job, id)))) {
      core_.jobs.add_waiter(job, id);
      ++environment.remaining;
      joined.push_back(job);
    }
  }
  return joined;
}

Released Reactor::retry(const std::vector<EnvironmentId>& asked, const Chosen& chosen) {
  std::vector<EnvironmentId> environments;
  std::set<JobId> released;
  std::map<BatchId, Released> by_batch;
  for (const EnvironmentId id : asked) {
    const Environment& environment = core_.environments.at(id);
    if ((environment.state != EnvironmentState::failed &&
         environment.state != EnvironmentState::collecting) ||
        core_.batches.at(environment.batch).canceled) {
      continue;
    }
    environments.push_back(id);
    for (const std::uint32_t number : environment.jobs) {
      if (chosen(JobId{number}) && ended_badly(core_.jobs.at(JobId{number}).state)) {
        released.insert(JobId{number});
      }
    }
  }
  for (const JobId job : released) {
    release_job(job);
  }
  std::set<std::pair<BatchId, JobId>> queued;
  std::vector<EnvironmentId> complete;
  for (const EnvironmentId id : environments) {
    const Environment& environment = core_.environments.at(id);
    const bool closed = environment.state == EnvironmentState::failed;
    const auto joined = rejoin(id, released);
    if (!joined) {
      continue;
    }
    by_batch[environment.batch].environments += closed ? 1U : 0U;
    for (const JobId job : *joined) {
      if (core_.jobs.at(job).state == JobState::ready &&
          queued.emplace(environment.batch, job).second) {
        queue_job(environment.batch, job);
        by_batch[environment.batch].jobs += released.count(job);
      }
    }
    if (environment.remaining == 0) {
      complete.push_back(id);
    }
  }
  Released all{.jobs = released.size(), .environments = 0};
  for (const auto& [batch, part] : by_batch) {
    all.environments += part.environments;
    outbox_.notify(
        BatchReleased{.batch = batch, .jobs = part.jobs, .environments = part.environments});
  }
  for (const EnvironmentId id : complete) {
    complete_environment(id);
  }
  return all;
}

Released Reactor::on_retry_batch(TimePoint /*now*/, BatchId id) {
  const auto found = core_.batches.find(id);
  if (found == core_.batches.end()) {
    return {};
  }
  const std::vector<EnvironmentId> environments = found->second.environments;
  return retry(environments, [](JobId /*any*/) { return true; });
}

Released Reactor::on_retry_job(TimePoint /*now*/, JobId id) {
  const Job* job = core_.jobs.find(id);
  if (job == nullptr || !ended_badly(job->state)) {
    return {};
  }
  std::vector<EnvironmentId> environments;
  for (const auto& [environment_id, environment] : core_.environments) {
    if (std::find(environment.jobs.begin(), environment.jobs.end(), id.value) !=
        environment.jobs.end()) {
      environments.push_back(environment_id);
    }
  }
  return retry(environments, [id](JobId other) { return other == id; });
}

}  // namespace athanor::coordinator
