#include "tests/simulation/sim_journal.hpp"

#include <algorithm>
#include <variant>

namespace athanor::simulation {

void SimJournal::commit(const std::vector<coordinator::Record>& records) {
  for (const coordinator::Record& record : records) {
    std::visit([this](const auto& value) { apply(value); }, record);
  }
}

void SimJournal::apply(const coordinator::BatchRecord& record) {
  batches_[record.id].record = record;
}

void SimJournal::apply(const coordinator::BatchEndRecord& record) {
  batches_[record.id].finished = true;
  batches_[record.id].canceled = record.canceled;
}

// Its document is the server's business; its environments come with records of their own.
void SimJournal::apply(const coordinator::BatchExtensionRecord& /*record*/) {}

void SimJournal::apply(const coordinator::BatchReopenRecord& record) {
  batches_[record.id].finished = false;
}

void SimJournal::apply(const coordinator::EnvironmentReopenRecord& record) {
  environments_[record.id].state = coordinator::EnvironmentState::collecting;
}

void SimJournal::apply(const coordinator::EnvironmentRecord& record) {
  environments_[record.id].record = record;
}

void SimJournal::apply(const coordinator::EnvironmentEndRecord& record) {
  environments_[record.id].state = record.state;
}

void SimJournal::apply(const coordinator::JobRecord& record) {
  jobs_[record.id].spec = record.spec;
}

void SimJournal::apply(const coordinator::JobStateRecord& record) {
  JobRow& row = jobs_[record.transition.job];
  row.state = record.transition.to;
  row.epoch = record.epoch;
  row.attempt = record.attempt;
  row.failures = record.failures;
  row.crashes = record.crashes;
}

void SimJournal::apply(const coordinator::JobResultRecord& record) {
  jobs_[record.id].success = record.success;
}

void SimJournal::apply(const coordinator::JobStoryRecord& record) {
  JobRow& row = jobs_[record.id];
  row.failure = record.failure;
  row.killed = record.killed;
  row.attempts = record.attempts;
  row.has_story = true;
}

void SimJournal::apply(const coordinator::ForgetRecord& record) {
  for (const JobId job : record.jobs) {
    jobs_.erase(job);
    last_job_ = std::max(last_job_, job);
  }
  for (const EnvironmentId environment : record.environments) {
    environments_.erase(environment);
    last_environment_ = std::max(last_environment_, environment);
  }
  batches_.erase(record.batch);
  last_batch_ = std::max(last_batch_, record.batch);
}

std::string SimJournal::restore(coordinator::Restorer& restorer) const {
  restorer.add_forgotten(last_batch_, last_environment_, last_job_);
  for (const auto& [id, row] : batches_) {
    restorer.add_batch(id, row.record.name, row.record.priority, row.finished, row.canceled);
  }
  for (const auto& [id, row] : jobs_) {
    Result<void> added = restorer.add_job({.id = id,
                                           .spec = row.spec,
                                           .state = row.state,
                                           .epoch = row.epoch,
                                           .attempt = row.attempt,
                                           .failures = row.failures,
                                           .crashes = row.crashes});
    if (added.ok() && !row.success.empty()) {
      added = restorer.add_result(id, row.success);
    }
    if (added.ok() && row.has_story) {
      added = restorer.add_story(id, {.failure = row.failure,
                                      .killed = row.killed,
                                      .attempts = row.attempts,
                                      .forgotten_attempts = 0});
    }
    if (!added.ok()) {
      return added.error().to_string();
    }
  }
  for (const auto& [id, row] : environments_) {
    if (const auto added = restorer.add_environment(row.record, row.state); !added.ok()) {
      return added.error().to_string();
    }
  }
  return {};
}

}  // namespace athanor::simulation
