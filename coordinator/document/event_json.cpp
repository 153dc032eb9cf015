#include "coordinator/document/event_json.hpp"

#include "shared/protocol/wire_names.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace athanor::coordinator {

namespace {

Json milliseconds(std::chrono::milliseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
}

Json texts(const std::vector<std::string>& items) {
  Json list = Json::array();
  for (const std::string& item : items) {
    list.push_back(item);
  }
  return list;
}

Json attempts_json(const std::vector<FetchAttempt>& attempts) {
  Json list = Json::array();
  for (const FetchAttempt& attempt : attempts) {
    Json one = Json::object({{"host", attempt.host}, {"end", to_string(attempt.end)}});
    if (attempt.status != 0) {
      one.set("status", attempt.status);
    }
    one.set("bytes", attempt.bytes);
    if (!attempt.error.empty()) {
      one.set("error", attempt.error);
    }
    list.push_back(std::move(one));
  }
  return list;
}

void set_failure(Json& object, const JobFailure& failure) {
  object.set("stage", to_string(failure.stage));
  object.set("kind", to_string(failure.kind));
  object.set("message", failure.message);
  object.set("hint", failure.hint);
  object.set("fetched_bytes", failure.fetched_bytes);
  if (failure.lagging) {
    object.set("lagging", true);
  }
  if (!failure.attempts.empty()) {
    object.set("attempts", attempts_json(failure.attempts));
  }
}

// One overload per event.
class EventObjects {
 public:
  explicit EventObjects(const std::vector<EnvironmentLabel>& environments)
      : environments_(environments) {}

  using Object = Json;

  Object operator()(const BatchReceived& event) const {
    return Json::object({{"event", "batch_received"}, {"name", event.name}});
  }
  Object operator()(const BatchAccepted& event) const {
    return Json::object({{"event", "accepted"},
                         {"jobs", event.new_jobs + event.joined_jobs},
                         {"present", event.present},
                         {"conflicts", event.conflicts},
                         {"environments", event.environments}});
  }
  Object operator()(const BatchExtended& event) const {
    return Json::object({{"event", "batch_extended"},
                         {"jobs_new", event.new_jobs},
                         {"jobs_joined", event.joined_jobs},
                         {"present", event.present},
                         {"environments", event.environments}});
  }
  Object operator()(const BatchReleased& event) const {
    return Json::object(
        {{"event", "batch_released"}, {"jobs", event.jobs}, {"environments", event.environments}});
  }
  Object operator()(const BatchFinished& event) const {
    return Json::object({{"event", "batch_finished"}, {"canceled", event.canceled}});
  }
  Object operator()(const WorkerJoined& event) const {
    return Json::object({{"event", "worker_joined"},
                         {"worker", event.worker.value},
                         {"name", event.name},
                         {"version", event.version}});
  }
  Object operator()(const WorkerGone& event) const {
    return Json::object({{"event", "worker_gone"},
                         {"worker", event.worker.value},
                         {"name", event.name},
                         {"lost", event.end == WorkerEnd::lost},
                         {"reason", event.reason},
                         {"held_jobs", event.held_jobs}});
  }
  Object operator()(const JobStarted& event) const {
    return Json::object({{"event", "job_started"},
                         {"job", event.job.value},
                         {"source", event.source_url},
                         {"worker", event.worker.value},
                         {"attempt", std::uint64_t{event.attempt}}});
  }
  Object operator()(const JobProgressed& event) const {
    return Json::object({{"event", "job_progressed"},
                         {"job", event.job.value},
                         {"stage", to_string(event.stage)},
                         {"bytes", event.bytes}});
  }
  Object operator()(const JobReturned& event) const {
    return Json::object(
        {{"event", "job_returned"}, {"job", event.job.value}, {"worker_lost", event.worker_lost}});
  }
  Object operator()(const JobRetrying& event) const {
    Json object = job("job_retrying", event.job, event.source_url);
    object.set("failures", std::uint64_t{event.failures});
    object.set("delay_ms", milliseconds(event.delay));
    set_failure(object, event.failure);
    return object;
  }
  Object operator()(const JobFinished& event) const {
    Json object = job("job_done", event.job, event.source_url);
    object.set("from", to_string(event.success.provenance));
    object.set("fetched_bytes", event.success.fetched_bytes);
    object.set("published_bytes", event.success.published_bytes);
    object.set("transmuted", std::uint64_t{event.success.transmuted});
    object.set("adopted", std::uint64_t{event.success.adopted});
    Json formats = Json::array();
    for (const StoredFormat& format : event.success.formats) {
      formats.push_back(Json::object({{"format", extension(format.format)},
                                      {"hash", format.hash},
                                      {"size", format.size},
                                      {"key", format.key}}));
    }
    object.set("formats", std::move(formats));
    if (!event.success.attempts.empty()) {
      object.set("attempts", attempts_json(event.success.attempts));
    }
    Json stages = Json::object();
    for (const auto& [stage, time] : event.success.stage_times) {
      stages.set(std::string(to_string(stage)), milliseconds(time));
    }
    object.set("stage_ms", std::move(stages));
    object.set("warnings", texts(event.success.warnings));
    return object;
  }
  Object operator()(const JobFailed& event) const {
    Json object = job("job_failed", event.job, event.source_url);
    object.set("failures", std::uint64_t{event.failures});
    object.set("quarantined", event.end == FailureEnd::quarantined);
    set_failure(object, event.failure);
    object.set("canceled", event.end == FailureEnd::canceled);
    object.set("killed", texts(event.killed));
    return object;
  }
  Object operator()(const EnvironmentReady& event) const {
    Json object = environment("environment_ready", event.environment);
    object.set("keys", texts(event.keys));
    return object;
  }
  Object operator()(const EnvironmentFailed& event) const {
    Json object = environment("environment_failed", event.environment);
    object.set("failed_packages", event.failed_packages);
    object.set("message", event.error.message);
    object.set("kind", to_string(event.error.kind));
    object.set("hint", event.error.hint);
    return object;
  }
  Object operator()(const OriginsChanged&) const { return Json::object({{"event", "origins"}}); }
  Object operator()(const Totals& event) const {
    return Json::object({{"event", "progress"},
                         {"jobs_waiting", event.jobs_waiting},
                         {"jobs_running", event.jobs_running},
                         {"jobs_done", event.jobs_done},
                         {"jobs_failed", event.jobs_failed},
                         {"environments_ready", event.environments_ready},
                         {"environments_failed", event.environments_failed},
                         {"fetched_bytes", event.fetched_bytes},
                         {"published_bytes", event.published_bytes}});
  }
  Object operator()(const Draining& event) const {
    return Json::object({{"event", "draining"}, {"running", event.running}});
  }

 private:
  static Json job(std::string_view event, JobId id, const std::string& source) {
    return Json::object({{"event", event}, {"job", id.value}, {"source", source}});
  }
  Json environment(std::string_view event, std::size_t index) const {
    Json object = Json::object({{"event", event}});
    if (index < environments_.size()) {
      object.set("name", environments_[index].name);
      object.set("platform", environments_[index].platform);
    }
    object.set("environment", std::uint64_t{index});
    return object;
  }

  const std::vector<EnvironmentLabel>& environments_;
};

}  // namespace

namespace {

// Reads the members of one event; absent ones are empty, so that an older program's events can be
// read, too.
class EventReader {
 public:
  explicit EventReader(const JsonView& view)
      : view_(view) {}

  std::uint64_t number(std::string_view key) const {
    const Json* member = view_.value().find(key);
    return member == nullptr ? 0 : member->as_uint().value_or(0);
  }
  std::string text(std::string_view key) const {
    const Json* member = view_.value().find(key);
    const std::string* found = member == nullptr ? nullptr : member->as_string();
    return found == nullptr ? std::string{} : *found;
  }
  bool flag(std::string_view key) const {
    const Json* member = view_.value().find(key);
    return member != nullptr && member->as_bool().value_or(false);
  }
  std::vector<std::string> list(std::string_view key) const {
    auto found = view_.strings(key);
    return found ? *std::move(found) : std::vector<std::string>{};
  }
  template <typename Enum>
  Enum choice(std::string_view key, Enum otherwise) const {
    return protocol::from_wire_name<Enum>(text(key)).value_or(otherwise);
  }
  JobFailure failure() const {
    JobFailure failure;
    failure.stage = choice("stage", Stage::locate);
    failure.kind = choice("kind", ErrorKind::bug);
    failure.message = text("message");
    failure.hint = text("hint");
    failure.fetched_bytes = number("fetched_bytes");
    return failure;
  }
  JobSuccess success() const {
    JobSuccess success;
    success.provenance = choice("from", Provenance::none);
    success.fetched_bytes = number("fetched_bytes");
    success.published_bytes = number("published_bytes");
    success.transmuted = static_cast<std::uint32_t>(number("transmuted"));
    success.adopted = static_cast<std::uint32_t>(number("adopted"));
    success.warnings = list("warnings");
    const Json* times = view_.value().find("stage_ms");
    if (times != nullptr && times->as_object() != nullptr) {
      for (const Json::Member& member : *times->as_object()) {
        if (const auto stage = protocol::from_wire_name<Stage>(member.key)) {
          success.stage_times.emplace_back(
              *stage, std::chrono::milliseconds(member.value.as_int().value_or(0)));
        }
      }
    }
    return success;
  }

  std::optional<RunEvent> job_event(std::string_view event) const {
    const JobId job{number("job")};
    if (event == "job_started") {
      return JobStarted{.job = job,
                        .source_url = text("source"),
                        .worker = WorkerId{number("worker")},
                        .attempt = static_cast<std::uint32_t>(number("attempt"))};
    }
    if (event == "job_progressed") {
      return JobProgressed{.job = job,
                           .worker = {},
                           .stage = choice("stage", Stage::locate),
                           .bytes = number("bytes")};
    }
    if (event == "job_returned") {
      return JobReturned{.job = job, .worker = {}, .worker_lost = flag("worker_lost")};
    }
    if (event == "job_retrying") {
      return JobRetrying{
          .job = job,
          .source_url = text("source"),
          .failure = failure(),
          .failures = static_cast<std::uint32_t>(number("failures")),
          .delay = std::chrono::milliseconds(static_cast<std::int64_t>(number("delay_ms")))};
    }
    if (event == "job_done") {
      return JobFinished{.job = job, .source_url = text("source"), .success = success()};
    }
    if (event == "job_failed") {
      return JobFailed{.job = job,
                       .source_url = text("source"),
                       .failure = failure(),
                       .end = flag("quarantined") ? FailureEnd::quarantined
                              : flag("canceled")  ? FailureEnd::canceled
                                                  : FailureEnd::failed,
                       .failures = static_cast<std::uint32_t>(number("failures")),
                       .killed = list("killed")};
    }
    return std::nullopt;
  }

  std::optional<RunEvent> batch_event(std::string_view event, BatchId batch) const {
    if (event == "batch_received") {
      return BatchReceived{.batch = batch, .name = text("name")};
    }
    if (event == "accepted") {
      return BatchAccepted{.batch = batch,
                           .name = {},
                           .new_jobs = number("jobs"),
                           .joined_jobs = 0,
                           .present = number("present"),
                           .conflicts = number("conflicts"),
                           .environments = number("environments")};
    }
    if (event == "batch_released") {
      return BatchReleased{
          .batch = batch, .jobs = number("jobs"), .environments = number("environments")};
    }
    if (event == "batch_finished") {
      return BatchFinished{.batch = batch, .canceled = flag("canceled")};
    }
    if (event == "environment_ready") {
      return EnvironmentReady{
          .batch = batch, .environment = number("environment"), .keys = list("keys")};
    }
    if (event == "environment_failed") {
      return EnvironmentFailed{
          .batch = batch,
          .environment = number("environment"),
          .failed_packages = number("failed_packages"),
          .error = make_error(choice("kind", ErrorKind::bug), text("message"), text("hint"))};
    }
    return std::nullopt;
  }

  std::optional<RunEvent> other_event(std::string_view event) const {
    if (event == "worker_gone") {
      return WorkerGone{.worker = WorkerId{number("worker")},
                        .name = text("name"),
                        .end = flag("lost") ? WorkerEnd::lost : WorkerEnd::left,
                        .reason = text("reason"),
                        .held_jobs = number("held_jobs")};
    }
    if (event == "worker_joined") {
      return WorkerJoined{.worker = WorkerId{number("worker")},
                          .name = text("name"),
                          .version = text("version"),
                          .capacity = {},
                          .adopted_jobs = 0};
    }
    if (event == "draining") {
      return Draining{.running = number("running")};
    }
    return std::nullopt;
  }

 private:
  const JsonView& view_;
};

}  // namespace

Json event_object(const RunEvent& event, const std::vector<EnvironmentLabel>& environments) {
  return std::visit(EventObjects(environments), event);
}

std::optional<RunEvent> event_from_object(const Json& object, BatchId batch) {
  const JsonView view(object);
  const EventReader reader(view);
  const std::string event = reader.text("event");
  if (auto found = reader.job_event(event)) {
    return found;
  }
  if (auto found = reader.batch_event(event, batch)) {
    return found;
  }
  return reader.other_event(event);
}

}  // namespace athanor::coordinator
