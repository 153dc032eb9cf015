#include "coordinator/server/batch_book.hpp"

#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"
#include "shared/protocol/codec.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace athanor::coordinator {
namespace {

bool is_job(const PlannedPackage& package) {
  return package.needed && package.conflicts.empty();
}

}  // namespace

Result<std::vector<std::string>> EnvironmentJob::publish(std::stop_token stop) const {
  const PackageResults lookup = [this](std::size_t package) {
    const auto found = results.find(package);
    return found == results.end() ? nullptr : &found->second;
  };
  return publisher->publish(environment, lookup, stop);
}

Submission make_submission(const Assembler& assembler, std::string name, int priority,
                           std::string document) {
  const Plan& plan = assembler.plan();
  Submission submission;
  submission.name = std::move(name);
  submission.priority = priority;
  submission.document = std::move(document);
  SubmittedEnvironment loose;
  loose.publish = false;
  std::vector<std::size_t> job_of(plan.packages.size());
  for (std::size_t i = 0; i < plan.packages.size(); ++i) {
    const PlannedPackage& package = plan.packages[i];
    const bool alone = package.environments.empty();
    if (!package.conflicts.empty()) {
      ++submission.conflicts;
      loose.conflicts += alone ? 1 : 0;
    } else if (!package.needed) {
      ++submission.present;
    } else {
      job_of[i] = submission.jobs.size();
      submission.jobs.push_back(package.spec);
      if (alone) {
        loose.jobs.push_back(job_of[i]);
      }
    }
  }
  for (std::size_t index = 0; index < plan.environments.size(); ++index) {
    SubmittedEnvironment environment;
    for (const std::size_t package : assembler.packages_to_wait_for(index)) {
      if (is_job(plan.packages.at(package))) {
        environment.jobs.push_back(job_of[package]);
      }
    }
    const std::vector<std::size_t>& own = plan.environments[index].packages;
    const std::set<std::size_t> packages(own.begin(), own.end());
    environment.conflicts = static_cast<std::uint32_t>(std::count_if(
        packages.begin(), packages.end(),
        [&](std::size_t package) { return !plan.packages.at(package).conflicts.empty(); }));
    submission.environments.push_back(std::move(environment));
  }
  if (!loose.jobs.empty() || loose.conflicts != 0) {
    submission.environments.push_back(std::move(loose));
  }
  return submission;
}

Result<void> check_sendable(const Submission& submission) {
  for (const JobSpec& spec : submission.jobs) {
    protocol::Grant grant;
    grant.jobs.push_back({.lease = {.epoch = 1, .job = JobId{1}, .attempt = 1}, .spec = spec});
    if (const auto frames = protocol::encode(grant); !frames.ok()) {
      const bool solve = spec.kind() == JobKind::solve;
      return Error(frames.error())
          .with_context(solve ? "a solve for " + spec.solve->platform
                              : "package " + spec.source_url);
    }
  }
  return {};
}

void BatchBook::add(BatchId batch, std::shared_ptr<const Plan> plan,
                    std::shared_ptr<EnvironmentPublisher> publisher,
                    const std::vector<JobId>& jobs) {
  Entry& entry = entries_[batch];
  entry.jobs.resize(plan->packages.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < plan->packages.size(); ++i) {
    if (is_job(plan->packages[i])) {
      entry.jobs[i] = jobs.at(next++);
    }
  }
  entry.plan = std::move(plan);
  entry.publisher = std::move(publisher);
  order_.push_back(batch);
}

void BatchBook::add_restored(BatchId batch, std::shared_ptr<const Plan> plan,
                             std::shared_ptr<EnvironmentPublisher> publisher, const Core& core) {
  std::vector<JobId> jobs;
  for (const PlannedPackage& package : plan->packages) {
    if (is_job(package)) {
      const std::string packed = pack_spec(package.spec, FetchUrl::drop);
      jobs.push_back(core.jobs.find_key(packed_key(packed)).value_or(JobId{}));
    }
  }
  remove(batch);
  add(batch, std::move(plan), std::move(publisher), jobs);
}

void BatchBook::remove(BatchId batch) {
  entries_.erase(batch);
  std::erase(order_, batch);
}

const Plan* BatchBook::plan(BatchId batch) const {
  const auto found = entries_.find(batch);
  return found == entries_.end() ? nullptr : found->second.plan.get();
}

bool BatchBook::is_environment(BatchId batch, std::size_t environment) const {
  const Plan* known = plan(batch);
  return known != nullptr && environment < known->environments.size();
}

std::optional<JobId> BatchBook::job_of(BatchId batch, std::size_t package) const {
  const JobId job = entries_.at(batch).jobs.at(package);
  return job.value == 0 ? std::nullopt : std::optional(job);
}

EnvironmentJob BatchBook::environment_job(const Core& core, EnvironmentId id) const {
  const Environment& environment = core.environments.at(id);
  const Entry& entry = entries_.at(environment.batch);
  EnvironmentJob job{.publisher = entry.publisher, .environment = environment.index, .results = {}};
  for (const std::size_t package :
       entry.publisher->assembler().packages_to_wait_for(job.environment)) {
    const JobId done = entry.jobs.at(package);
    const Job* found = core.jobs.find(done);
    // A job of an earlier process may not be among those that this environment waited for.
    if (found != nullptr && !found->result.empty()) {
      auto success = unpack_success(found->result.view());
      ATHANOR_CHECK(success.ok());
      job.results.emplace(package, std::move(*success));
    }
  }
  return job;
}

}  // namespace athanor::coordinator
