#include "coordinator/server/verdict.hpp"

#include "coordinator/server/failure_status.hpp"
#include "shared/json/lenient.hpp"
#include "shared/protocol/wire_names.hpp"

#include <algorithm>

namespace athanor::coordinator {

namespace {

// Bytes of the package as it is fetched; 0 if nobody knows.
std::uint64_t size_of(const PlannedPackage& package, const SourceSizes& sizes) {
  if (const auto seen = sizes.find(package.spec.source_url); seen != sizes.end()) {
    return seen->second;
  }
  for (const ExpectedDigest& expected : package.spec.expected) {
    if (expected.size) {
      return *expected.size;
    }
  }
  // What stands in the store in another format is about as large as what would be fetched.
  return package.spec.present.empty() ? 0 : package.spec.present.front().size;
}

void count_savings(Verdict& verdict, const Plan& plan, const SourceSizes& sizes) {
  for (const PlannedPackage& package : plan.packages) {
    const std::uint64_t size = size_of(package, sizes);
    if (package.environments.size() > 1) {
      verdict.saved_by_dedupe += size * (package.environments.size() - 1);
    }
    if (!package.needed && package.conflicts.empty()) {
      verdict.saved_by_store += size;
    }
  }
}

std::vector<Conflict> conflicts_of(const Plan& plan) {
  std::vector<Conflict> conflicts;
  for (const PlannedPackage& package : plan.packages) {
    for (const std::string& what : package.conflicts) {
      conflicts.push_back({.source_url = package.spec.source_url, .what = what});
    }
  }
  return conflicts;
}

std::vector<ErrorKind> kinds_of_failures(const Verdict& verdict, const RunSummary& summary) {
  std::vector<ErrorKind> kinds;
  for (const PackageFailure& failure : verdict.failures) {
    kinds.push_back(failure.failure.kind);
  }
  kinds.insert(kinds.end(), verdict.conflicts.size(), ErrorKind::rejected);
  for (const EnvironmentResult& result : summary.environments) {
    if (result.outcome == EnvironmentOutcome::failed && result.failed_packages == 0) {
      kinds.push_back(result.error.kind);
    }
  }
  return kinds;
}

cli::ExitStatus status_of(const Verdict& verdict, const RunSummary& summary,
                          cli::ExitStatus stopped) {
  const bool complete = verdict.packages_unfinished == 0 && summary.end == RunEnd::done;
  if (!complete && stopped != cli::ExitStatus::ready) {
    return stopped;
  }
  const std::vector<ErrorKind> kinds = kinds_of_failures(verdict, summary);
  if (kinds.empty() && (!complete || verdict.environments_ready < verdict.environments)) {
    return cli::ExitStatus::partial;
  }
  return status_of_failures(kinds);
}

}  // namespace

Verdict make_verdict(const Plan& plan, const RunSummary& summary, const SourceSizes& sizes,
                     cli::ExitStatus stopped, std::chrono::milliseconds elapsed) {
  Verdict verdict;
  verdict.environments = plan.environments.size();
  for (const EnvironmentResult& result : summary.environments) {
    if (result.outcome == EnvironmentOutcome::ready) {
      ++verdict.environments_ready;
    } else if (result.environment < plan.environments.size()) {
      const EnvironmentRequest& request = plan.environments[result.environment].request;
      verdict.not_ready.push_back({.name = request.name,
                                   .platform = request.platform,
                                   .why = result.outcome == EnvironmentOutcome::failed
                                              ? result.error.message
                                              : std::string("not finished")});
    }
  }
  verdict.packages_new = summary.packages_new;
  verdict.packages_had = summary.packages_had;
  verdict.packages_failed = summary.packages_failed;
  verdict.packages_unfinished = summary.packages_unfinished;
  verdict.failures = summary.failures;
  verdict.conflicts = conflicts_of(plan);
  verdict.from_origin = summary.from_origin;
  verdict.from_local = summary.from_local;
  verdict.from_store = summary.from_store;
  verdict.transmuted = summary.transmuted;
  verdict.adopted = summary.adopted;
  verdict.fetched_bytes = summary.fetched_bytes;
  verdict.published_bytes = summary.published_bytes;
  verdict.warnings = summary.warnings;
  verdict.elapsed = elapsed;
  count_savings(verdict, plan, sizes);
  verdict.status = status_of(verdict, summary, stopped);
  return verdict;
}

namespace {

Json failures_json(const Verdict& verdict) {
  Json list = Json::array();
  for (const PackageFailure& failure : verdict.failures) {
    list.push_back(Json::object({{"source", failure.source_url},
                                 {"stage", to_string(failure.failure.stage)},
                                 {"kind", to_string(failure.failure.kind)},
                                 {"message", failure.failure.message},
                                 {"hint", failure.failure.hint},
                                 {"failures", std::uint64_t{failure.failures}},
                                 {"quarantined", failure.end == FailureEnd::quarantined}}));
  }
  return list;
}

Json environments_json(const Verdict& verdict) {
  Json not_ready = Json::array();
  for (const NotReady& environment : verdict.not_ready) {
    not_ready.push_back(Json::object({{"name", environment.name},
                                      {"platform", environment.platform},
                                      {"why", environment.why}}));
  }
  return Json::object({{"ready", verdict.environments_ready},
                       {"total", verdict.environments},
                       {"not_ready", std::move(not_ready)}});
}

}  // namespace

Json verdict_json(const Verdict& verdict) {
  Json warnings = Json::array();
  for (const std::string& warning : verdict.warnings) {
    warnings.push_back(warning);
  }
  Json conflicts = Json::array();
  for (const Conflict& conflict : verdict.conflicts) {
    conflicts.push_back(
        Json::object({{"source", conflict.source_url}, {"message", conflict.what}}));
  }
  return Json::object(
      {{"schema", 1},
       {"event", "verdict"},
       {"ok", verdict.status == cli::ExitStatus::ready},
       {"status", to_string(verdict.status)},
       {"exit_code", code(verdict.status)},
       {"environments", environments_json(verdict)},
       {"packages", Json::object({{"new", verdict.packages_new},
                                  {"had", verdict.packages_had},
                                  {"failed", verdict.packages_failed},
                                  {"unfinished", verdict.packages_unfinished},
                                  {"from_origin", verdict.from_origin},
                                  {"from_local", verdict.from_local},
                                  {"from_store", verdict.from_store},
                                  {"transmuted", verdict.transmuted},
                                  {"adopted", verdict.adopted}})},
       {"bytes", Json::object({{"fetched", verdict.fetched_bytes},
                               {"published", verdict.published_bytes},
                               {"saved_by_dedupe", verdict.saved_by_dedupe},
                               {"saved_by_store", verdict.saved_by_store}})},
       {"ms", static_cast<std::uint64_t>(std::max<std::int64_t>(verdict.elapsed.count(), 0))},
       {"failures", failures_json(verdict)},
       {"conflicts", std::move(conflicts)},
       {"warnings", std::move(warnings)}});
}

namespace {

PackageFailure failure_from_json(const Json& item) {
  PackageFailure failure;
  failure.source_url = text_or_empty(item, "source");
  failure.failure.stage =
      protocol::from_wire_name<Stage>(text_or_empty(item, "stage")).value_or(Stage::locate);
  failure.failure.kind =
      error_kind_from_string(text_or_empty(item, "kind")).value_or(ErrorKind::bug);
  failure.failure.message = text_or_empty(item, "message");
  failure.failure.hint = text_or_empty(item, "hint");
  failure.failures = static_cast<std::uint32_t>(uint_or_zero(item, "failures"));
  return failure;
}

}  // namespace

Verdict verdict_from_json(const Json& object) {
  Verdict verdict;
  verdict.status = static_cast<cli::ExitStatus>(uint_or_zero(object, "exit_code"));
  const Json& environments = object_or_empty(object, "environments");
  verdict.environments = uint_or_zero(environments, "total");
  verdict.environments_ready = uint_or_zero(environments, "ready");
  for (const Json& item : items_or_none(environments, "not_ready")) {
    verdict.not_ready.push_back({.name = text_or_empty(item, "name"),
                                 .platform = text_or_empty(item, "platform"),
                                 .why = text_or_empty(item, "why")});
  }
  const Json& packages = object_or_empty(object, "packages");
  verdict.packages_new = uint_or_zero(packages, "new");
  verdict.packages_had = uint_or_zero(packages, "had");
  verdict.packages_failed = uint_or_zero(packages, "failed");
  verdict.packages_unfinished = uint_or_zero(packages, "unfinished");
  const Json& bytes = object_or_empty(object, "bytes");
  verdict.fetched_bytes = uint_or_zero(bytes, "fetched");
  verdict.published_bytes = uint_or_zero(bytes, "published");
  verdict.saved_by_dedupe = uint_or_zero(bytes, "saved_by_dedupe");
  verdict.saved_by_store = uint_or_zero(bytes, "saved_by_store");
  for (const Json& item : items_or_none(object, "failures")) {
    verdict.failures.push_back(failure_from_json(item));
  }
  for (const Json& item : items_or_none(object, "conflicts")) {
    verdict.conflicts.push_back(
        {.source_url = text_or_empty(item, "source"), .what = text_or_empty(item, "message")});
  }
  for (const Json& item : items_or_none(object, "warnings")) {
    verdict.warnings.push_back(item.as_string() == nullptr ? std::string{} : *item.as_string());
  }
  verdict.elapsed =
      std::chrono::milliseconds(static_cast<std::int64_t>(uint_or_zero(object, "ms")));
  return verdict;
}

}  // namespace athanor::coordinator
