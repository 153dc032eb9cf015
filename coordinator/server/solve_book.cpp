#include "coordinator/server/solve_book.hpp"

#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"

#include <unordered_map>
#include <utility>

namespace athanor::coordinator {
namespace {

JobFailure not_done() {
  JobFailure failure;
  failure.stage = Stage::solve;
  failure.kind = ErrorKind::canceled;
  failure.message = "the run ended before it was solved";
  return failure;
}

SolveOutcome outcome_of(const Core& core, JobId id) {
  const Job* job = core.jobs.find(id);
  if (job != nullptr && job->state == JobState::done) {
    Result<JobSuccess> success = unpack_success(job->result.view());
    ATHANOR_CHECK(success.ok() && success->solve.has_value());
    return *std::move(success->solve);
  }
  const auto story = core.stories.find(id);
  const bool failed = job != nullptr && is_final(job->state) && job->state != JobState::canceled;
  return failed && story != core.stories.end() && story->second.has_failure ? story->second.failure
                                                                            : not_done();
}

}  // namespace

Submission make_solve_submission(std::vector<SolveRequest> requests, std::string name,
                                 int priority) {
  Submission submission;
  submission.name = std::move(name);
  submission.priority = priority;
  std::unordered_map<std::string, std::size_t> known;
  for (SolveRequest& request : requests) {
    JobSpec spec = make_solve_job(std::move(request));
    const auto [place, fresh] = known.try_emplace(spec.source_url, submission.jobs.size());
    if (fresh) {
      submission.jobs.push_back(std::move(spec));
    }
    submission.environments.push_back({.jobs = {place->second}, .conflicts = 0, .publish = false});
  }
  return submission;
}

void SolveBook::add(BatchId batch, const Submission& submission, const Submitted& submitted) {
  std::vector<JobId>& jobs = jobs_[batch];
  for (const SubmittedEnvironment& environment : submission.environments) {
    jobs.push_back(submitted.jobs.at(environment.jobs.front()));
  }
}

std::vector<SolveOutcome> SolveBook::take(const Core& core, BatchId batch) {
  std::vector<SolveOutcome> outcomes;
  for (const JobId job : jobs_.at(batch)) {
    outcomes.push_back(outcome_of(core, job));
  }
  jobs_.erase(batch);
  return outcomes;
}

}  // namespace athanor::coordinator
