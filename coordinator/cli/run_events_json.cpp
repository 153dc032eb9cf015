#include "coordinator/cli/run_view.hpp"

#include <chrono>

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

// One overload per event; nothing where the stream has no line.
class EventObjects {
 public:
  explicit EventObjects(const RunProgress& progress)
      : progress_(progress) {}

  using Object = std::optional<Json>;

  Object operator()(const BatchReceived&) const { return std::nullopt; }
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
  Object operator()(const BatchFinished&) const { return std::nullopt; }
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
  Object operator()(const JobProgressed&) const { return std::nullopt; }
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
    return object;
  }
  Object operator()(const OriginsChanged&) const { return std::nullopt; }
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
    if (index < progress_.plan().environments.size()) {
      const EnvironmentRequest& request = progress_.plan().environments[index].request;
      object.set("name", request.name);
      object.set("platform", request.platform);
    }
    return object;
  }

  const RunProgress& progress_;
};

}  // namespace

std::optional<Json> event_json(const RunEvent& event, const RunProgress& progress, TimePoint now) {
  auto object = std::visit(EventObjects(progress), event);
  if (object) {
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - progress.started());
    object->set("ms", milliseconds(since));
  }
  return object;
}

}  // namespace athanor::coordinator
