#pragma once

#include "coordinator/core/core.hpp"
#include "coordinator/core/submission.hpp"
#include "shared/base/ids.hpp"
#include "shared/protocol/job.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace athanor::coordinator {

// What a solve came to. A failure of kind `invalid` is a contradiction in what was asked: `message`
// says so in a sentence, `details` explain it line by line. One of kind `canceled`: it wasn't done.
using SolveOutcome = std::variant<SolveSuccess, JobFailure>;

// Solves as the core takes them: equal requests are one job, each request an environment of its own
// that isn't published.
Submission make_solve_submission(std::vector<SolveRequest> requests, std::string name,
                                 int priority);

// Which jobs each batch of solves came to. Not thread-safe.
class SolveBook {
 public:
  // `jobs` are those of the submission, by its environments' order.
  void add(BatchId batch, const Submission& submission, const Submitted& submitted);
  bool has(BatchId batch) const { return jobs_.count(batch) != 0; }
  // In the order of the requests; the book forgets the batch. REQUIRES: has(batch).
  std::vector<SolveOutcome> take(const Core& core, BatchId batch);

 private:
  std::map<BatchId, std::vector<JobId>> jobs_;
};

}  // namespace athanor::coordinator
