#include "coordinator/server/batch_answers.hpp"

#include "coordinator/queue/packed.hpp"
#include "coordinator/server/failure_status.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace athanor::coordinator {
namespace {

// Failures and warnings that an answer names one by one; all of them are counted.
constexpr std::size_t k_listed = 1'000;

std::set<std::uint32_t> jobs_of(const Core& core, const Batch& batch) {
  std::set<std::uint32_t> jobs;
  for (const EnvironmentId id : batch.environments) {
    const Environment& environment = core.environments.at(id);
    jobs.insert(environment.jobs.begin(), environment.jobs.end());
  }
  return jobs;
}

void count_success(Verdict& verdict, const Job& job) {
  ++verdict.packages_new;
  const auto success = unpack_success(job.result.view());
  if (!success) {
    return;
  }
  verdict.from_origin += success->provenance == Provenance::origin ? 1U : 0U;
  verdict.from_local += success->provenance == Provenance::local ? 1U : 0U;
  verdict.from_store += success->provenance == Provenance::store ? 1U : 0U;
  verdict.transmuted += success->transmuted;
  verdict.adopted += success->adopted;
  verdict.fetched_bytes += success->fetched_bytes;
  verdict.published_bytes += success->published_bytes;
  for (const std::string& warning : success->warnings) {
    if (verdict.warnings.size() < k_listed) {
      verdict.warnings.push_back(std::string(packed_url(job.spec.view())) + ": " + warning);
    }
  }
}

PackageFailure failure_of(const Core& core, JobId id, const Job& job) {
  PackageFailure failure;
  failure.source_url = packed_url(job.spec.view());
  failure.failures = job.failures;
  failure.end = job.state == JobState::quarantined ? FailureEnd::quarantined : FailureEnd::failed;
  const auto story = core.stories.find(id);
  if (story != core.stories.end()) {
    failure.failure = story->second.failure;
    failure.killed = story->second.killed;
    if (!story->second.has_failure) {
      failure.failure.kind = ErrorKind::rejected;
      failure.failure.message =
          std::to_string(story->second.killed.size()) + " workers died over it";
      failure.failure.hint = "'athanor explain' tells its story, 'athanor batch retry' releases it";
    }
  }
  return failure;
}

// Without a plan (it was made by an earlier process) the number is known, the words aren't.
std::uint64_t conflicts_of(const Core& core, const Batch& batch, const DeskBatch& desk) {
  std::uint64_t most = desk.conflicts.size();
  for (const EnvironmentId id : batch.environments) {
    most = std::max<std::uint64_t>(most, core.environments.at(id).conflicts);
  }
  return most;
}

void count_environments(Verdict& verdict, std::vector<ErrorKind>& kinds, const Core& core,
                        const Batch& batch, const DeskBatch& desk) {
  verdict.environments = desk.head.environments.size();
  for (std::size_t i = 0; i < desk.head.environments.size(); ++i) {
    const auto ended = desk.ended.find(i);
    const Environment* known =
        i < batch.environments.size() ? &core.environments.at(batch.environments[i]) : nullptr;
    if (known != nullptr && known->state == EnvironmentState::ready) {
      ++verdict.environments_ready;
      continue;
    }
    const bool over = known != nullptr && !is_open(known->state);
    verdict.not_ready.push_back(
        {.name = desk.head.environments[i].name,
         .platform = desk.head.environments[i].platform,
         .why = over && ended != desk.ended.end() && !ended->second.error.empty()
                    ? ended->second.error
                    : std::string("not finished")});
    if (over && known->state == EnvironmentState::failed && known->failed == 0 &&
        known->conflicts == 0) {
      kinds.push_back(ended == desk.ended.end() ? ErrorKind::bug : ended->second.kind);
    }
  }
}

std::string_view state_name(const Core& core, const Batch& batch, std::size_t index) {
  if (index >= batch.environments.size()) {
    return batch.canceled ? "canceled" : "planning";
  }
  switch (core.environments.at(batch.environments[index]).state) {
    case EnvironmentState::collecting:
      return "collecting";
    case EnvironmentState::publishing:
      return "publishing";
    case EnvironmentState::ready:
      return "ready";
    case EnvironmentState::failed:
      return "failed";
    case EnvironmentState::canceled:
      break;
  }
  return "canceled";
}

}  // namespace

std::string_view state_of(const Core& core, BatchId id) {
  const Batch& batch = core.batches.at(id);
  if (!batch.finished()) {
    return batch.planned ? "working" : "planning";
  }
  if (batch.canceled) {
    return "canceled";
  }
  const bool ready = std::all_of(
      batch.environments.begin(), batch.environments.end(), [&](EnvironmentId environment) {
        return core.environments.at(environment).state == EnvironmentState::ready;
      });
  return ready ? "ready" : "partial";
}

Verdict verdict_of(const Core& core, BatchId id, const DeskBatch& desk) {
  const Batch& batch = core.batches.at(id);
  Verdict verdict;
  std::vector<ErrorKind> kinds;
  const std::set<std::uint32_t> jobs = jobs_of(core, batch);
  for (const std::uint32_t number : jobs) {
    const Job& job = core.jobs.at(JobId{number});
    if (job.state == JobState::done) {
      count_success(verdict, job);
    } else if (job.state == JobState::failed || job.state == JobState::quarantined) {
      ++verdict.packages_failed;
      PackageFailure failure = failure_of(core, JobId{number}, job);
      kinds.push_back(failure.failure.kind);
      if (verdict.failures.size() < k_listed) {
        verdict.failures.push_back(std::move(failure));
      }
    } else {
      ++verdict.packages_unfinished;
    }
  }
  const std::uint64_t conflicts = conflicts_of(core, batch, desk);
  verdict.packages_failed += conflicts;
  for (const std::string& conflict : desk.conflicts) {
    const std::size_t colon = conflict.find(": ");
    verdict.conflicts.push_back(
        {.source_url = conflict.substr(0, colon), .what = conflict.substr(colon + 2)});
  }
  kinds.insert(kinds.end(), conflicts, ErrorKind::rejected);
  const std::uint64_t accounted = jobs.size() + conflicts;
  const std::uint64_t others = desk.head.sources > accounted ? desk.head.sources - accounted : 0;
  const bool was_planned = batch.planned && !(batch.canceled && batch.environments.empty());
  (was_planned ? verdict.packages_had : verdict.packages_unfinished) += others;
  count_environments(verdict, kinds, core, batch, desk);
  verdict.saved_by_dedupe = desk.saved_by_dedupe;
  verdict.elapsed = desk.elapsed;
  if (batch.canceled) {
    verdict.status = cli::ExitStatus::partial;
  } else if (kinds.empty() &&
             (!batch.finished() || verdict.environments_ready < verdict.environments ||
              verdict.packages_unfinished != 0)) {
    verdict.status = cli::ExitStatus::partial;
  } else {
    verdict.status = status_of_failures(kinds);
  }
  return verdict;
}

BatchSnapshot snapshot_of(const Core& core, BatchId id, const DeskBatch& desk, TimePoint now) {
  const Batch& batch = core.batches.at(id);
  BatchSnapshot snapshot;
  snapshot.batch = id;
  snapshot.name = batch.name;
  snapshot.planned = batch.planned;
  snapshot.trouble = desk.trouble;
  snapshot.environments = desk.head.environments;
  snapshot.workers = core.workers.size();
  snapshot.conflicts = conflicts_of(core, batch, desk);
  const std::set<std::uint32_t> jobs = jobs_of(core, batch);
  snapshot.jobs = jobs.size();
  const std::uint64_t accounted = snapshot.jobs + snapshot.conflicts;
  snapshot.present =
      batch.planned && desk.head.sources > accounted ? desk.head.sources - accounted : 0;
  for (const std::uint32_t number : jobs) {
    const Job& job = core.jobs.at(JobId{number});
    if (job.state == JobState::done) {
      ++snapshot.done;
      if (const auto success = unpack_success(job.result.view()); success.ok()) {
        snapshot.fetched_bytes += success->fetched_bytes;
      }
    } else if (is_final(job.state)) {
      ++snapshot.failed;
      const auto story = core.stories.find(JobId{number});
      const ErrorKind kind = story != core.stories.end() && story->second.has_failure
                                 ? story->second.failure.kind
                                 : ErrorKind::rejected;
      ++snapshot.failures[std::string(to_string(kind))];
    } else if (job.state == JobState::leased &&
               snapshot.running.size() < BatchSnapshot::k_running) {
      for (const LeaseKey& key : core.leases.of_job(JobId{number})) {
        const Lease& lease = *core.leases.find(key);
        snapshot.running.push_back(
            {.job = JobId{number},
             .source_url = std::string(packed_url(job.spec.view())),
             .worker = lease.worker,
             .stage = lease.stage,
             .bytes = lease.bytes,
             .since = std::chrono::duration_cast<std::chrono::milliseconds>(now - lease.granted)});
      }
    }
  }
  for (std::size_t i = 0; i < std::min(batch.environments.size(), desk.head.environments.size());
       ++i) {
    const EnvironmentState state = core.environments.at(batch.environments[i]).state;
    snapshot.environments_ready += state == EnvironmentState::ready ? 1U : 0U;
    snapshot.environments_failed += !is_open(state) && state != EnvironmentState::ready ? 1U : 0U;
  }
  return snapshot;
}

Json batch_line(const Core& core, BatchId id, const DeskBatch& desk) {
  const Verdict verdict = verdict_of(core, id, desk);
  Json line = Json::object({{"batch", id.value},
                            {"name", desk.head.name},
                            {"user", desk.head.user},
                            {"priority", desk.head.priority},
                            {"state", state_of(core, id)},
                            {"submitted_ms", desk.head.submitted_ms}});
  line.set("environments",
           Json::object({{"ready", verdict.environments_ready}, {"total", verdict.environments}}));
  line.set("packages", Json::object({{"new", verdict.packages_new},
                                     {"had", verdict.packages_had},
                                     {"failed", verdict.packages_failed},
                                     {"unfinished", verdict.packages_unfinished}}));
  if (!desk.trouble.empty()) {
    line.set("trouble", desk.trouble);
  }
  return line;
}

Json batch_document(const Core& core, BatchId id, const DeskBatch& desk) {
  const Batch& batch = core.batches.at(id);
  Json document = batch_line(core, id, desk);
  Json environments = Json::array();
  for (std::size_t i = 0; i < desk.head.environments.size(); ++i) {
    const EnvironmentLabel& label = desk.head.environments[i];
    Json item = Json::object({{"name", label.name},
                              {"platform", label.platform},
                              {"state", state_name(core, batch, i)}});
    if (i < batch.environments.size()) {
      const Environment& environment = core.environments.at(batch.environments[i]);
      item.set("packages_left", std::uint64_t{environment.remaining});
      item.set("packages_failed", std::uint64_t{environment.failed} + environment.conflicts);
    }
    if (const auto ended = desk.ended.find(i); ended != desk.ended.end()) {
      Json keys = Json::array();
      for (const std::string& key : ended->second.keys) {
        keys.push_back(key);
      }
      item.set("keys", std::move(keys));
      item.set("error", ended->second.error);
    }
    environments.push_back(std::move(item));
  }
  document.set("environments_list", std::move(environments));
  document.set("verdict", verdict_json(verdict_of(core, id, desk)));
  return document;
}

}  // namespace athanor::coordinator
