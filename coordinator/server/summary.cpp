#include "coordinator/server/summary.hpp"

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace athanor::coordinator {
namespace {

void count(RunSummary& totals, const JobSuccess& success) {
  switch (success.provenance) {
    case Provenance::none:
      break;
    case Provenance::local:
      ++totals.from_local;
      break;
    case Provenance::store:
      ++totals.from_store;
      break;
    case Provenance::origin:
      ++totals.from_origin;
      break;
  }
  totals.fetched_bytes += success.fetched_bytes;
  totals.published_bytes += success.published_bytes;
  totals.transmuted += success.transmuted;
  totals.adopted += success.adopted;
}

}  // namespace

void SummaryBuilder::on_event(const RunEvent& event) {
  if (const auto* finished = std::get_if<JobFinished>(&event)) {
    count(totals_, finished->success);
    for (const std::string& warning : finished->success.warnings) {
      totals_.warnings.push_back(finished->source_url + ": " + warning);
    }
    done_.insert(finished->job);
    failed_.erase(finished->job);
  } else if (const auto* failed = std::get_if<JobFailed>(&event)) {
    totals_.fetched_bytes += failed->failure.fetched_bytes;
    failed_[failed->job] = *failed;
  } else if (const auto* retrying = std::get_if<JobRetrying>(&event)) {
    totals_.fetched_bytes += retrying->failure.fetched_bytes;
  } else if (const auto* ready = std::get_if<EnvironmentReady>(&event)) {
    environments_[{ready->batch, ready->environment}] = {.batch = ready->batch,
                                                         .environment = ready->environment,
                                                         .outcome = EnvironmentOutcome::ready,
                                                         .keys = ready->keys,
                                                         .failed_packages = 0,
                                                         .error = {}};
  } else if (const auto* lost = std::get_if<EnvironmentFailed>(&event)) {
    environments_[{lost->batch, lost->environment}] = {.batch = lost->batch,
                                                       .environment = lost->environment,
                                                       .outcome = EnvironmentOutcome::failed,
                                                       .keys = {},
                                                       .failed_packages = lost->failed_packages,
                                                       .error = lost->error};
  }
}

RunSummary SummaryBuilder::build(const BatchBook& batches) const {
  RunSummary summary = totals_;
  for (const BatchId batch : batches.batches()) {
    const Plan& plan = *batches.plan(batch);
    for (std::size_t i = 0; i < plan.packages.size(); ++i) {
      const PlannedPackage& package = plan.packages[i];
      const auto job = batches.job_of(batch, i);
      if (!package.conflicts.empty()) {
        ++summary.packages_failed;
        PackageFailure failure;
        failure.batch = batch;
        failure.package = i;
        failure.source_url = package.spec.source_url;
        failure.failure.kind = ErrorKind::rejected;
        failure.failure.message = package.conflicts.front();
        failure.failure.hint = "look at the store with 'athanor store verify'";
        summary.failures.push_back(std::move(failure));
      } else if (!job) {
        ++summary.packages_had;
      } else if (const auto failed = failed_.find(*job); failed != failed_.end()) {
        ++summary.packages_failed;
        summary.failures.push_back({.batch = batch,
                                    .package = i,
                                    .source_url = failed->second.source_url,
                                    .failure = failed->second.failure,
                                    .end = failed->second.end,
                                    .failures = failed->second.failures,
                                    .killed = failed->second.killed});
      } else if (done_.count(*job) != 0) {
        ++summary.packages_new;
      } else {
        ++summary.packages_unfinished;
      }
    }
    for (std::size_t i = 0; i < plan.environments.size(); ++i) {
      const auto known = environments_.find({batch, i});
      if (known != environments_.end()) {
        summary.environments.push_back(known->second);
      } else {
        EnvironmentResult unfinished;
        unfinished.batch = batch;
        unfinished.environment = i;
        summary.environments.push_back(std::move(unfinished));
      }
    }
  }
  return summary;
}

std::optional<std::string> trouble_with_peers(std::uint64_t violations,
                                              const transport::RouterCounts& counts) {
  const std::pair<std::uint64_t, const char*> causes[] = {
      {violations + counts.malformed, "broke the protocol"},
      {counts.failed_handshakes, "failed the handshake"},
      {counts.silent, "never said a word"},
      {counts.turned_away, "were more than this process can hold"},
      {counts.expelled, "had a key that isn't allowed any more"}};
  std::string text;
  for (const auto& [count, what] : causes) {
    if (count != 0) {
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
    }
  }
  if (text.empty()) {
    return std::nullopt;
  }
  return "connections were cut off: " + text;
}

}  // namespace athanor::coordinator
