#include "coordinator/core/reactor.hpp"
#include "coordinator/queue/backoff.hpp"
#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <string>
#include <utility>

// Batches and environments: what people want, and when they have it.
namespace athanor::coordinator {
namespace {

// Different inputs may say different things about one source; the wire carries so many.
constexpr std::size_t k_expected_digests = 64;

}  // namespace

BatchId Reactor::open_batch(std::string name, int priority, std::string document) {
  const BatchId id{core_.next_batch++};
  core_.ready.add_batch(id, priority);
  Batch& batch = core_.batches[id];
  batch.name = name;
  batch.priority = priority;
  ++core_.open_batches;
  outbox_.record(BatchRecord{
      .id = id, .name = std::move(name), .priority = priority, .document = std::move(document)});
  return id;
}

Submitted Reactor::on_submit(TimePoint /*now*/, Submission submission) {
  const BatchId id =
      open_batch(submission.name, submission.priority, std::move(submission.document));
  return take_plan(id, submission);
}

BatchId Reactor::on_receive(TimePoint /*now*/, std::string name, int priority,
                            std::string document) {
  const BatchId id = open_batch(name, priority, std::move(document));
  outbox_.notify(BatchReceived{.batch = id, .name = std::move(name)});
  return id;
}

Batch* Reactor::unplanned(BatchId id) {
  const auto found = core_.batches.find(id);
  return found == core_.batches.end() || found->second.planned ? nullptr : &found->second;
}

std::optional<Submitted> Reactor::on_plan(TimePoint /*now*/, BatchId batch,
                                          const Submission& submission) {
  return unplanned(batch) == nullptr ? std::nullopt : std::optional(take_plan(batch, submission));
}

void Reactor::on_plan_failed(TimePoint /*now*/, BatchId id, std::size_t environments,
                             const Error& error) {
  Batch* batch = unplanned(id);
  if (batch == nullptr) {
    return;
  }
  // Loose packages alone: the collection that would have held them.
  const SubmittedEnvironment empty{.jobs = {}, .conflicts = 0, .publish = environments != 0};
  const std::size_t count = std::max<std::size_t>(environments, 1);
  batch->planned = true;
  batch->open_environments = static_cast<std::uint32_t>(count);
  const Submitted nothing{.batch = id, .first_environment = 0, .jobs = {}};
  for (std::uint32_t i = 0; i < count; ++i) {
    const EnvironmentId environment = take_environment(empty, i, nothing);
    close_environment(environment, EnvironmentState::failed, {}, error);
  }
}

Submitted Reactor::take_plan(BatchId id, const Submission& submission) {
  Submitted result{.batch = id, .first_environment = 0, .jobs = {}};
  core_.batches.at(id).planned = true;
  const Intake counts = take_jobs(submission, result);
  outbox_.notify(BatchAccepted{.batch = id,
                               .name = core_.batches.at(id).name,
                               .new_jobs = counts.new_jobs,
                               .joined_jobs = counts.joined_jobs,
                               .present = submission.present,
                               .conflicts = submission.conflicts,
                               .environments = submission.environments.size()});
  take_environments(submission, result);
  if (submission.environments.empty()) {
    finish_batch(id, false);
  }
  return result;
}

std::optional<Submitted> Reactor::on_extend(TimePoint /*now*/, BatchId id, Submission submission) {
  const auto found = core_.batches.find(id);
  if (found == core_.batches.end() || !found->second.planned || found->second.finished() ||
      found->second.canceled) {
    return std::nullopt;
  }
  Submitted result{
      .batch = id,
      .first_environment = static_cast<std::uint32_t>(found->second.environments.size()),
      .jobs = {}};
  outbox_.record(BatchExtensionRecord{.id = id,
                                      .first_environment = result.first_environment,
                                      .document = std::move(submission.document)});
  const Intake counts = take_jobs(submission, result);
  outbox_.notify(BatchExtended{.batch = id,
                               .new_jobs = counts.new_jobs,
                               .joined_jobs = counts.joined_jobs,
                               .present = submission.present,
                               .conflicts = submission.conflicts,
                               .environments = submission.environments.size(),
                               .first_environment = result.first_environment});
  take_environments(submission, result);
  return result;
}

Reactor::Intake Reactor::take_jobs(const Submission& submission, Submitted& submitted) {
  Intake counts;
  core_.jobs.reserve(core_.jobs.size() + submission.jobs.size());
  submitted.jobs.reserve(submission.jobs.size());
  for (const JobSpec& spec : submission.jobs) {
    submitted.jobs.push_back(take_job(spec, counts));
  }
  return counts;
}

void Reactor::take_environments(const Submission& submission, const Submitted& submitted) {
  const auto count = static_cast<std::uint32_t>(submission.environments.size());
  core_.batches.at(submitted.batch).open_environments += count;
  std::vector<EnvironmentId> complete;
  for (std::uint32_t i = 0; i < count; ++i) {
    const EnvironmentId id =
        take_environment(submission.environments[i], submitted.first_environment + i, submitted);
    if (core_.environments.at(id).remaining == 0) {
      complete.push_back(id);
    }
  }
  // Only now do all jobs have their waiters, which say where they are queued.
  for (const JobId job : submitted.jobs) {
    if (core_.jobs.at(job).state == JobState::ready) {
      queue_job(submitted.batch, job);
    }
  }
  for (const EnvironmentId id : complete) {
    complete_environment(id);
  }
}

EnvironmentId Reactor::take_environment(const SubmittedEnvironment& asked, std::uint32_t index,
                                        const Submitted& submitted) {
  const EnvironmentId id{core_.next_environment++};
  core_.batches.at(submitted.batch).environments.push_back(id);
  Environment& environment = core_.environments[id];
  environment.batch = submitted.batch;
  environment.index = index;
  environment.publish = asked.publish;
  environment.conflicts = asked.conflicts;
  environment.jobs.reserve(asked.jobs.size());
  for (const std::size_t place : asked.jobs) {
    const JobId job = submitted.jobs.at(place);
    environment.jobs.push_back(static_cast<std::uint32_t>(job.value));
    ++core_.jobs.at(job).references;
    if (core_.jobs.at(job).state == JobState::quarantined) {
      ++environment.failed;
      environment.first_failed = job;
    } else {
      core_.jobs.add_waiter(job, id);
      ++environment.remaining;
    }
  }
  outbox_.record(EnvironmentRecord{.id = id,
                                   .batch = submitted.batch,
                                   .index = environment.index,
                                   .publish = asked.publish,
                                   .conflicts = asked.conflicts,
                                   .jobs = environment.jobs});
  ++core_.totals.environments_open;
  return id;
}

JobId Reactor::take_job(const JobSpec& spec, Intake& counts) {
  const JobTable::Insertion taken = core_.jobs.insert(pack_spec(spec, FetchUrl::keep));
  if (taken.inserted) {
    ++counts.new_jobs;
    outbox_.record(JobRecord{.id = taken.id, .spec = pack_spec(spec, FetchUrl::drop)});
    return taken.id;
  }
  Job& job = core_.jobs.at(taken.id);
  if (is_final(job.state) && job.state != JobState::quarantined) {
    ++counts.new_jobs;
    job.failures = 0;
    job.crashes = 0;
    job.throttles = 0;
  } else {
    ++counts.joined_jobs;
  }
  if (job.state != JobState::leased) {
    join_spec(taken.id, spec);
  }
  transition(taken.id, JobEvent::ask);
  return taken.id;
}

void Reactor::join_spec(JobId id, const JobSpec& spec) {
  auto known = unpack_spec(core_.jobs.at(id).spec.view());
  ATHANOR_CHECK(known.ok());
  for (const ExpectedDigest& expected : spec.expected) {
    if (known->expected.size() < k_expected_digests &&
        std::find(known->expected.begin(), known->expected.end(), expected) ==
            known->expected.end()) {
      known->expected.push_back(expected);
    }
  }
  known->fetch_url = spec.fetch_url;  // the newest credentials
  known->present = spec.present;      // the newest survey
  known->solve = spec.solve;          // equal but for its credentials
  core_.jobs.replace_spec(id, pack_spec(*known, FetchUrl::keep));
  outbox_.record(JobRecord{.id = id, .spec = pack_spec(*known, FetchUrl::drop)});
}

void Reactor::queue_job(BatchId batch, JobId id) {
  const Job& job = core_.jobs.at(id);
  if (job.crashes >= limits::k_crashes_until_alone) {
    core_.suspects.push_back(id);
  } else {
    core_.ready.push(batch, id, origin_of(job.spec.view()), packed_size(job.spec.view()));
  }
}

void Reactor::complete_environment(EnvironmentId id) {
  Environment& environment = core_.environments.at(id);
  ATHANOR_CHECK(environment.state == EnvironmentState::collecting && environment.remaining == 0);
  if (environment.failed + environment.conflicts > 0) {
    close_environment(id, EnvironmentState::failed, {}, environment_error(environment));
  } else if (environment.publish) {
    environment.state = EnvironmentState::publishing;
    outbox_.publish_environment(id);
  } else {
    close_environment(id, EnvironmentState::ready, {}, {});
  }
}

Error Reactor::environment_error(const Environment& environment) const {
  if (environment.first_failed.value == 0) {
    return make_error(
        ErrorKind::rejected,
        std::to_string(environment.conflicts) + " packages have conflicting objects in the store",
        "look at the store with 'athanor store verify'");
  }
  const Job& job = core_.jobs.at(environment.first_failed);
  const std::string url(packed_url(job.spec.view()));
  const auto story = core_.stories.find(environment.first_failed);
  if (story == core_.stories.end() || !story->second.has_failure) {
    return make_error(ErrorKind::canceled, url + " was canceled");
  }
  const JobFailure& failure = story->second.failure;
  return make_error(failure.kind, url + ": " + failure.message, failure.hint);
}

void Reactor::close_environment(EnvironmentId id, EnvironmentState state,
                                const std::vector<std::string>& keys, const Error& error) {
  Environment& environment = core_.environments.at(id);
  environment.state = state;
  outbox_.record(
      EnvironmentEndRecord{.id = id, .state = state, .keys = keys, .error = error.message});
  --core_.totals.environments_open;
  const auto index = static_cast<std::size_t>(environment.index);
  if (state == EnvironmentState::ready) {
    ++core_.totals.environments_ready;
    outbox_.notify(
        EnvironmentReady{.batch = environment.batch, .environment = index, .keys = keys});
  } else {
    ++core_.totals.environments_failed;
    outbox_.notify(EnvironmentFailed{
        .batch = environment.batch,
        .environment = index,
        .failed_packages = std::uint64_t{environment.failed} + environment.conflicts,
        .error = error});
  }
  Batch& batch = core_.batches.at(environment.batch);
  ATHANOR_CHECK(batch.open_environments > 0);
  if (--batch.open_environments == 0) {
    finish_batch(environment.batch, batch.canceled);
  }
}

void Reactor::finish_batch(BatchId id, bool canceled) {
  core_.ready.remove_batch(id);
  --core_.open_batches;
  outbox_.record(BatchEndRecord{.id = id, .canceled = canceled});
  outbox_.notify(BatchFinished{.batch = id, .canceled = canceled});
}

void Reactor::on_environment_published(TimePoint now, EnvironmentId id,
                                       const Result<std::vector<std::string>>& keys) {
  const auto found = core_.environments.find(id);
  if (found == core_.environments.end() || found->second.state != EnvironmentState::publishing) {
    return;  // canceled meanwhile
  }
  Environment& environment = found->second;
  if (keys.ok()) {
    close_environment(id, EnvironmentState::ready, *keys, {});
    return;
  }
  ++environment.publish_failures;
  if (keys.error().kind == ErrorKind::retry &&
      environment.publish_failures < limits::k_publish_attempts && !core_.draining) {
    core_.republish.push(
        {.at = now + backoff_delay(environment.publish_failures, std::nullopt, random_), .id = id});
    return;
  }
  close_environment(id, EnvironmentState::failed, {}, keys.error());
}

void Reactor::on_cancel_batch(TimePoint now, BatchId id) {
  const auto found = core_.batches.find(id);
  if (found == core_.batches.end() || found->second.finished()) {
    return;
  }
  found->second.canceled = true;
  if (!found->second.planned) {
    found->second.planned = true;
    finish_batch(id, true);
    return;
  }
  const std::vector<EnvironmentId> environments = found->second.environments;
  for (const EnvironmentId environment_id : environments) {
    Environment& environment = core_.environments.at(environment_id);
    if (!is_open(environment.state)) {
      continue;
    }
    for (const std::uint32_t job : environment.jobs) {
      if (core_.jobs.remove_waiter(JobId{job}, environment_id)) {
        --environment.remaining;
        cancel_job_if_unwanted(now, JobId{job});
      }
    }
    close_environment(environment_id, EnvironmentState::canceled, {},
                      make_error(ErrorKind::canceled, "the batch was canceled"));
  }
}

void Reactor::on_forget_batch(TimePoint /*now*/, BatchId id) {
  const auto found = core_.batches.find(id);
  if (found == core_.batches.end() || !found->second.finished()) {
    return;
  }
  ForgetRecord record{.batch = id, .environments = {}, .jobs = {}};
  for (const EnvironmentId environment_id : found->second.environments) {
    const auto environment = core_.environments.find(environment_id);
    for (const std::uint32_t job_number : environment->second.jobs) {
      const JobId job{job_number};
      if (--core_.jobs.at(job).references == 0 && is_final(core_.jobs.at(job).state)) {
        core_.stories.erase(job);
        core_.jobs.erase(job);
        record.jobs.push_back(job);
      }
    }
    record.environments.push_back(environment->first);
    core_.environments.erase(environment);
  }
  core_.batches.erase(found);
  outbox_.record(std::move(record));
}

void Reactor::cancel_job_if_unwanted(TimePoint now, JobId id) {
  const Job& job = core_.jobs.at(id);
  if (job.waiters != 0 || is_final(job.state)) {
    return;
  }
  revoke_leases_of(now, id);
  transition(id, JobEvent::cancel);
  notify_failed(id, FailureEnd::canceled);
}

}  // namespace athanor::coordinator
