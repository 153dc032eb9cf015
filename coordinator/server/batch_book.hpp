#pragma once

#include "coordinator/assemble/publish.hpp"
#include "coordinator/core/core.hpp"
#include "coordinator/core/submission.hpp"
#include "coordinator/plan/plan.hpp"
#include "shared/base/ids.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

namespace athanor::coordinator {

// One environment to publish, by itself: what its packages' jobs found, by index into
// Plan::packages.
struct EnvironmentJob {
  std::shared_ptr<EnvironmentPublisher> publisher;
  std::size_t environment = 0;
  std::unordered_map<std::size_t, JobSuccess> results;

  // Blocks.
  Result<std::vector<std::string>> publish(std::stop_token stop) const;
};

// A plan as the core takes it: the packages that are needed become jobs, and packages without an
// environment are kept together by one more, which isn't published.
Submission make_submission(const Assembler& assembler, std::string name, int priority,
                           std::string document);

// A spec that can't be sent would come to light only when it is granted. invalid: names it.
Result<void> check_sendable(const Submission& submission);

// Which plan each batch came from, and which package each of its jobs is. Not thread-safe.
class BatchBook {
 public:
  // The publisher is that of the plan.
  void add(BatchId batch, std::shared_ptr<const Plan> plan,
           std::shared_ptr<EnvironmentPublisher> publisher, const std::vector<JobId>& jobs);

  // The same for a batch of an earlier process: its jobs are found by what they do. Packages whose
  // job isn't there need none, going by the plan.
  void add_restored(BatchId batch, std::shared_ptr<const Plan> plan,
                    std::shared_ptr<EnvironmentPublisher> publisher, const Core& core);
  // Forgets a batch's plan. Tasks that use it keep it.
  void remove(BatchId batch);

  const Plan* plan(BatchId batch) const;
  const std::vector<BatchId>& batches() const { return order_; }
  // Whether the environment is one that people asked for.
  bool is_environment(BatchId batch, std::size_t environment) const;
  // The job of a package in a batch; absent if nothing was needed.
  std::optional<JobId> job_of(BatchId batch, std::size_t package) const;
  // Everything for publishing. REQUIRES: all jobs of the environment are done.
  EnvironmentJob environment_job(const Core& core, EnvironmentId id) const;

 private:
  struct Entry {
    std::shared_ptr<const Plan> plan;
    std::shared_ptr<EnvironmentPublisher> publisher;  // shared with tasks that still use it
    std::vector<JobId> jobs;                          // by package; 0: nothing was needed
  };
  std::map<BatchId, Entry> entries_;
  std::vector<BatchId> order_;
};

}  // namespace athanor::coordinator
