#include "coordinator/server/explain_answers.hpp"

#include "coordinator/core/explain.hpp"
#include "coordinator/queue/packed.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/source_url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace athanor::coordinator {
namespace {

std::uint64_t milliseconds(Duration duration) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

std::string_view name_of(WaitKind kind) {
  constexpr std::array<std::string_view, 10> k_names = {
      "nothing",      "backoff",       "coordinator_drains", "no_worker",   "workers_full",
      "worker_alone", "origin_paused", "origin_full",        "origin_rate", "turn"};
  return k_names.at(static_cast<std::size_t>(kind));
}

std::string_view name_of(AttemptEnd end) {
  constexpr std::array<std::string_view, k_attempt_ends> k_names = {
      "succeeded", "failed", "given_back", "expired", "worker_lost", "outrun"};
  return k_names.at(static_cast<std::size_t>(end));
}

// One sentence for a person.
std::string words_of(const JobExplanation& job, TimePoint now) {
  const auto left = [&] {
    return job.why.until
               ? ", " + std::to_string((milliseconds(*job.why.until - now) + 999) / 1000) +
                     " s from now"
               : std::string{};
  };
  switch (job.state) {
    case JobState::done:
      return "it is done";
    case JobState::failed:
      return "it failed and isn't tried again unless somebody asks: 'athanor batch retry'";
    case JobState::quarantined:
      return "it is quarantined, because workers died over it: 'athanor batch retry' releases it";
    case JobState::canceled:
      return "it was canceled: nobody waits for it";
    case JobState::leased:
      return job.running.empty() || job.running.front().worker.empty()
                 ? "the worker that had it before the coordinator was started again may come back"
                 : "worker " + job.running.front().worker +
                       " is at it: " + std::string(to_string(job.running.front().stage));
    case JobState::ready:
    case JobState::waiting:
      break;
  }
  switch (job.why.kind) {
    case WaitKind::backoff:
      return "it failed; the next attempt is due" + left();
    case WaitKind::coordinator_drains:
      return "the coordinator is stopping and grants nothing";
    case WaitKind::no_worker:
      return "no worker is there that takes jobs";
    case WaitKind::workers_full:
      return "every worker is full; " + std::to_string(job.why.ready_jobs) + " jobs wait";
    case WaitKind::worker_alone:
      return "workers died over it: it waits for one that does nothing else";
    case WaitKind::origin_paused:
      return job.why.origin + " asked for a pause" + left();
    case WaitKind::origin_full:
      return job.why.origin + " bears no more at once: more workers won't help";
    case WaitKind::origin_rate:
      return job.why.origin + " bears no more a second: more workers won't help";
    case WaitKind::turn:
    case WaitKind::nothing:
      break;
  }
  return "its turn comes next";
}

Json attempts_json(const JobExplanation& job, TimePoint now) {
  Json attempts = Json::array();
  for (const Attempt& attempt : job.history) {
    attempts.push_back(Json::object(
        {{"attempt", std::uint64_t{attempt.number}},
         {"worker", attempt.worker},
         {"origin", attempt.origin},
         {"end", name_of(attempt.end)},
         {"stage", to_string(attempt.stage)},
         {"kind", attempt.end == AttemptEnd::failed ? Json(to_string(attempt.kind)) : Json()},
         {"message", attempt.message},
         {"ms", milliseconds(attempt.ended - attempt.granted)},
         {"ago_ms", milliseconds(now - attempt.ended)}}));
  }
  return attempts;
}

Json running_json(const JobExplanation& job, TimePoint now) {
  Json running = Json::array();
  for (const RunningAttempt& attempt : job.running) {
    running.push_back(Json::object({{"attempt", std::uint64_t{attempt.number}},
                                    {"worker", attempt.worker},
                                    {"worker_id", attempt.worker_id.value},
                                    {"stage", to_string(attempt.stage)},
                                    {"bytes", attempt.bytes},
                                    {"since_ms", milliseconds(now - attempt.granted)},
                                    {"expires_ms", milliseconds(attempt.expires - now)}}));
  }
  return running;
}

Json formats_json(const std::vector<StoredFormat>& formats) {
  Json list = Json::array();
  for (const StoredFormat& format : formats) {
    list.push_back(Json::object({{"format", extension(format.format)},
                                 {"hash", format.hash},
                                 {"size", format.size},
                                 {"key", format.key}}));
  }
  return list;
}

Json spec_json(const JobSpec& spec) {
  Json wanted = Json::array();
  for (const Format format : spec.wanted) {
    wanted.push_back(extension(format));
  }
  Json expected = Json::array();
  for (const ExpectedDigest& digest : spec.expected) {
    Json item = Json::object();
    if (digest.md5) {
      item.set("md5", digest.md5->hex());
    }
    if (digest.sha256) {
      item.set("sha256", digest.sha256->hex());
    }
    if (digest.size) {
      item.set("size", *digest.size);
    }
    expected.push_back(std::move(item));
  }
  return Json::object({{"wanted", std::move(wanted)},
                       {"expected", std::move(expected)},
                       {"store_had", formats_json(spec.present)}});
}

Json waiters_json(const JobExplanation& job, const BatchDesk& desk) {
  Json waiters = Json::array();
  for (const JobWaiter& waiter : job.waiters) {
    Json item = Json::object({{"batch", waiter.batch.value}, {"batch_name", waiter.batch_name}});
    const auto batch = desk.batches().find(waiter.batch);
    if (batch != desk.batches().end() &&
        waiter.environment < batch->second.head.environments.size()) {
      const EnvironmentLabel& label = batch->second.head.environments[waiter.environment];
      item.set("environment", label.name);
      item.set("platform", label.platform);
    }
    waiters.push_back(std::move(item));
  }
  return waiters;
}

Json job_json(const JobExplanation& job, const BatchDesk& desk, TimePoint now) {
  Json object = Json::object({{"job", job.job.value},
                              {"source", job.spec.source_url},
                              {"state", to_string(job.state)},
                              {"why", words_of(job, now)},
                              {"waits_for", name_of(job.why.kind)},
                              {"origin", job.why.origin}});
  if (job.why.until) {
    object.set("until_ms", milliseconds(*job.why.until - now));
  }
  object.set("spec", spec_json(job.spec));
  object.set("attempts", std::uint64_t{job.attempts});
  object.set("failures", std::uint64_t{job.failures});
  object.set("workers_died", std::uint64_t{job.crashes});
  object.set("running", running_json(job, now));
  object.set("history", attempts_json(job, now));
  object.set("history_forgotten", std::uint64_t{job.forgotten_attempts});
  object.set("waiters", waiters_json(job, desk));
  object.set("waiting_environments", job.waiting_environments);
  if (job.success) {
    Json stages = Json::object();
    for (const auto& [stage, time] : job.success->stage_times) {
      stages.set(std::string(to_string(stage)), milliseconds(time));
    }
    Json result = Json::object({{"from", to_string(job.success->provenance)},
                                {"worker", job.done_by},
                                {"fetched_bytes", job.success->fetched_bytes},
                                {"formats", formats_json(job.success->formats)},
                                {"stage_ms", std::move(stages)}});
    if (job.success->source_digest) {
      const Digest& digest = *job.success->source_digest;
      result.set("source_digest", Json::object({{"md5", digest.md5.hex()},
                                                {"sha256", digest.sha256.hex()},
                                                {"size", digest.size}}));
    }
    object.set("result", std::move(result));
  }
  if (job.failure) {
    object.set("failure", Json::object({{"stage", to_string(job.failure->stage)},
                                        {"kind", to_string(job.failure->kind)},
                                        {"message", job.failure->message},
                                        {"hint", job.failure->hint}}));
  }
  return object;
}

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

std::optional<std::string> canonical_url(const std::string& subject) {
  if (subject.find("://") == std::string::npos) {
    return std::nullopt;
  }
  for (const PackageType type : {PackageType::conda, PackageType::pypi}) {
    if (auto source = SourceUrl::parse(subject, type)) {
      return source->text();
    }
  }
  return std::nullopt;
}

std::vector<JobId> jobs_meant(const Core& core, const std::string& subject,
                              const std::string& part) {
  if (const auto number = number_of(subject)) {
    return core.jobs.find(JobId{*number}) == nullptr ? std::vector<JobId>{}
                                                     : std::vector<JobId>{JobId{*number}};
  }
  if (const auto url = canonical_url(subject)) {
    return find_jobs(core, *url);
  }
  std::vector<JobId> jobs;
  for (std::uint64_t number = 1;
       number < core.jobs.end().value && jobs.size() < limits::k_explained_jobs; ++number) {
    const Job* job = core.jobs.find(JobId{number});
    if (job != nullptr && packed_url(job->spec.view()).find(part) != std::string_view::npos) {
      jobs.push_back(JobId{number});
    }
  }
  return jobs;
}

// Packages of open batches that need no job: the survey had found them.
Json present_packages(const BatchDesk& desk, const std::string& part) {
  Json present = Json::array();
  for (const BatchId batch : desk.book().batches()) {
    for (const PlannedPackage& package : desk.book().plan(batch)->packages) {
      if (package.needed || package.spec.source_url.find(part) == std::string::npos ||
          present.size() >= limits::k_explained_jobs) {
        continue;
      }
      Json item = Json::object(
          {{"source", package.spec.source_url},
           {"state", package.conflicts.empty() ? "present" : "conflict"},
           {"batch", batch.value},
           {"why", package.conflicts.empty() ? std::string("the store had every wanted format")
                                             : package.conflicts.front()}});
      item.set("spec", spec_json(package.spec));
      present.push_back(std::move(item));
    }
  }
  return present;
}

}  // namespace

Result<Json> explain_answer(const Core& core, const BatchDesk& desk, const Layout& layout,
                            const std::string& subject, TimePoint now) {
  std::string part = canonical_url(subject).value_or(subject);
  if (const auto key = layout.parse_artifact_key(subject)) {
    part = key->source;
  }
  if (part.empty()) {
    return make_error(ErrorKind::invalid, "nothing is named",
                      "give a package's URL, a part of one, a store key, or a job's number");
  }
  Json jobs = Json::array();
  for (const JobId id : jobs_meant(core, subject, part)) {
    if (jobs.size() >= limits::k_explained_jobs) {
      break;
    }
    if (const auto job = explain_job(core, id, now)) {
      jobs.push_back(job_json(*job, desk, now));
    }
  }
  Json present = number_of(subject) ? Json::array() : present_packages(desk, part);
  if (jobs.size() == 0 && present.size() == 0) {
    return make_error(
        ErrorKind::not_found, "no job and no open batch knows '" + printable(subject, 512) + "'",
        "what was in the store when a batch came needs no job: 'athanor check' says what is there");
  }
  return Json::object({{"schema", 1}, {"jobs", std::move(jobs)}, {"present", std::move(present)}});
}

Json workers_answer(const Core& core, TimePoint now) {
  Json workers = Json::array();
  for (const auto& [id, worker] : core.workers.all()) {
    Json held = Json::array();
    for (const LeaseKey& key : worker.held) {
      const Lease* lease = core.leases.find(key);
      const Job* job = core.jobs.find(key.job);
      if (lease == nullptr || job == nullptr) {
        continue;
      }
      held.push_back(Json::object({{"job", key.job.value},
                                   {"source", packed_url(job->spec.view())},
                                   {"stage", to_string(lease->stage)},
                                   {"bytes", lease->bytes},
                                   {"since_ms", milliseconds(now - lease->granted)}}));
    }
    workers.push_back(Json::object({{"worker", id.value},
                                    {"name", worker.name},
                                    {"version", worker.version},
                                    {"state", to_string(worker.state)},
                                    {"room", std::uint64_t{worker.capacity.jobs}},
                                    {"cpu", std::uint64_t{worker.capacity.cpu}},
                                    {"heard_ms", milliseconds(now - worker.last_heard)},
                                    {"jobs", std::move(held)}}));
  }
  return Json::object({{"schema", 1}, {"workers", std::move(workers)}});
}

}  // namespace athanor::coordinator
