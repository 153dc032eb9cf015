#include "coordinator/document/batch_snapshot.hpp"

#include "shared/json/lenient.hpp"
#include "shared/protocol/wire_names.hpp"

#include <utility>

namespace athanor::coordinator {

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
  snapshot.batch = BatchId{uint_or_zero(object, "batch")};
  snapshot.name = text_or_empty(object, "name");
  const Json* planned = object.find("planned");
  snapshot.planned = planned != nullptr && planned->as_bool().value_or(false);
  snapshot.trouble = text_or_empty(object, "trouble");
  for (const Json& item : items_or_none(object, "environments")) {
    snapshot.environments.push_back(
        {.name = text_or_empty(item, "name"), .platform = text_or_empty(item, "platform")});
  }
  snapshot.jobs = uint_or_zero(object, "jobs");
  snapshot.done = uint_or_zero(object, "jobs_done");
  snapshot.failed = uint_or_zero(object, "jobs_failed");
  snapshot.present = uint_or_zero(object, "present");
  snapshot.conflicts = uint_or_zero(object, "conflicts");
  snapshot.environments_ready = uint_or_zero(object, "environments_ready");
  snapshot.environments_failed = uint_or_zero(object, "environments_failed");
  snapshot.fetched_bytes = uint_or_zero(object, "fetched_bytes");
  snapshot.workers = uint_or_zero(object, "workers");
  const Json* failures = object.find("failures");
  if (failures != nullptr && failures->as_object() != nullptr) {
    for (const Json::Member& member : *failures->as_object()) {
      snapshot.failures[member.key] = member.value.as_uint().value_or(0);
    }
  }
  for (const Json& item : items_or_none(object, "running")) {
    snapshot.running.push_back(
        {.job = JobId{uint_or_zero(item, "job")},
         .source_url = text_or_empty(item, "source"),
         .worker = WorkerId{uint_or_zero(item, "worker")},
         .stage =
             protocol::from_wire_name<Stage>(text_or_empty(item, "stage")).value_or(Stage::locate),
         .bytes = uint_or_zero(item, "bytes"),
         .since =
             std::chrono::milliseconds(static_cast<std::int64_t>(uint_or_zero(item, "since_ms")))});
  }
  return snapshot;
}

}  // namespace athanor::coordinator
