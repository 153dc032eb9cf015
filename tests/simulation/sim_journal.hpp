#pragma once

#include "coordinator/core/record.hpp"
#include "coordinator/core/restore.hpp"

#include <map>
#include <string>
#include <vector>

namespace athanor::simulation {

// The journal's tables without a disk: what was committed is there after a crash, nothing else.
class SimJournal {
 public:
  // All of a turn's records at once.
  void commit(const std::vector<coordinator::Record>& records);
  // Into an empty reactor. What it says is wrong with the tables; empty if nothing.
  std::string restore(coordinator::Restorer& restorer) const;

 private:
  struct BatchRow {
    coordinator::BatchRecord record;
    bool finished = false;
    bool canceled = false;
  };
  struct EnvironmentRow {
    coordinator::EnvironmentRecord record;
    coordinator::EnvironmentState state = coordinator::EnvironmentState::collecting;
  };
  struct JobRow {
    std::string spec;
    coordinator::JobState state = coordinator::JobState::ready;
    std::uint64_t epoch = 0;
    std::uint32_t attempt = 0;
    std::uint8_t failures = 0;
    std::uint8_t crashes = 0;
    std::string success;
    std::string failure;
    std::vector<std::string> killed;
    std::vector<coordinator::Attempt> attempts;
    bool has_story = false;
  };

  void apply(const coordinator::BatchRecord& record);
  void apply(const coordinator::BatchExtensionRecord& record);
  void apply(const coordinator::BatchEndRecord& record);
  void apply(const coordinator::BatchReopenRecord& record);
  void apply(const coordinator::EnvironmentRecord& record);
  void apply(const coordinator::EnvironmentEndRecord& record);
  void apply(const coordinator::EnvironmentReopenRecord& record);
  void apply(const coordinator::JobRecord& record);
  void apply(const coordinator::JobStateRecord& record);
  void apply(const coordinator::JobResultRecord& record);
  void apply(const coordinator::JobStoryRecord& record);
  void apply(const coordinator::ForgetRecord& record);

  std::map<BatchId, BatchRow> batches_;
  std::map<EnvironmentId, EnvironmentRow> environments_;
  std::map<JobId, JobRow> jobs_;
  BatchId last_batch_;  // of those that were forgotten
  EnvironmentId last_environment_;
  JobId last_job_;
};

}  // namespace athanor::simulation
