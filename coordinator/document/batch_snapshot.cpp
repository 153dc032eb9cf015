#include "coordinator/document/batch_snapshot.hpp"

#include "shared/protocol/wire_names.hpp"

#include <utility>

namespace athanor::coordinator {
namespace {

std::uint64_t number(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  return member == nullptr ? 0 : member->as_uint().value_or(0);
}

std::string text(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  const std::string* found = member == nullptr ? nullptr : member->as_string();
  return found == nullptr ? std::string{} : *found;
}

const Json::Array& items(const Json& object, std::string_view key) {
  static const Json::Array k_none;
  const Json* member = object.find(key);
  const Json::Array* found = member == nullptr ? nullptr : member->as_array();
  return found == nullptr ? k_none : *found;
}

}  // namespace

Json snapshot_object(const BatchSnapshot& snapshot) {
  Json environments = Json::array();
  for (const EnvironmentLabel& label : snapshot.environments) {
    environments.push_back(Json::object({{"name", label.name}, {"platform", label.platform}}));
  }
  Json failures = Json::object();
  for (const auto& [kind, count] : snapshot.failures) {
    failures.set(kind, count);
  }
  Json running = Json::array();
  for (const BatchSnapshot::Running& job : snapshot.running) {
    running.push_back(Json::object({{"job", job.job.value},
                                    {"source", job.source_url},
                                    {"worker", job.worker.value},
                                    {"stage", to_string(job.stage)},
                                    {"bytes", job.bytes},
                                    {"since_ms", static_cast<std::uint64_t>(job.since.count())}}));
  }
  return Json::object({{"event", "snapshot"},
                       {"batch", snapshot.batch.value},
                       {"name", snapshot.name},
                       {"planned", snapshot.planned},
                       {"trouble", snapshot.trouble},
                       {"environments", std::move(environments)},
                       {"jobs", snapshot.jobs},
                       {"jobs_done", snapshot.done},
                       {"jobs_failed", snapshot.failed},
                       {"present", snapshot.present},
                       {"conflicts", snapshot.conflicts},
                       {"environments_ready", snapshot.environments_ready},
                       {"environments_failed", snapshot.environments_failed},
                       {"fetched_bytes", snapshot.fetched_bytes},
                       {"workers", snapshot.workers},
                       {"failures", std::move(failures)},
                       {"running", std::move(running)}});
}

BatchSnapshot snapshot_from_object(const Json& object) {
  BatchSnapshot snapshot;
  snapshot.batch = BatchId{number(object, "batch")};
  snapshot.name = text(object, "name");
  const Json* planned = object.find("planned");
  snapshot.planned = planned != nullptr && planned->as_bool().value_or(false);
  snapshot.trouble = text(object, "trouble");
  for (const Json& item : items(object, "environments")) {
    snapshot.environments.push_back(
        {.name = text(item, "name"), .platform = text(item, "platform")});
  }
  snapshot.jobs = number(object, "jobs");
  snapshot.done = number(object, "jobs_done");
  snapshot.failed = number(object, "jobs_failed");
  snapshot.present = number(object, "present");
  snapshot.conflicts = number(object, "conflicts");
  snapshot.environments_ready = number(object, "environments_ready");
  snapshot.environments_failed = number(object, "environments_failed");
  snapshot.fetched_bytes = number(object, "fetched_bytes");
  snapshot.workers = number(object, "workers");
  const Json* failures = object.find("failures");
  if (failures != nullptr && failures->as_object() != nullptr) {
    for (const Json::Member& member : *failures->as_object()) {
      snapshot.failures[member.key] = member.value.as_uint().value_or(0);
    }
  }
  for (const Json& item : items(object, "running")) {
    snapshot.running.push_back(
        {.job = JobId{number(item, "job")},
         .source_url = text(item, "source"),
         .worker = WorkerId{number(item, "worker")},
         .stage = protocol::from_wire_name<Stage>(text(item, "stage")).value_or(Stage::locate),
         .bytes = number(item, "bytes"),
         .since = std::chrono::milliseconds(static_cast<std::int64_t>(number(item, "since_ms")))});
  }
  return snapshot;
}

}  // namespace athanor::coordinator
