#pragma once

#include "shared/base/clock.hpp"
#include "shared/net/http_client.hpp"
#include "shared/protocol/messages.hpp"
#include "worker/pipeline/pipeline.hpp"

#include <filesystem>
#include <memory>
#include <stop_token>

namespace athanor::worker {

// Runs solve jobs, as Pipeline runs package jobs: made once per worker, run() is thread-safe. Of
// all jobs as many as there are processors solve at once; an index is loaded once and shared by
// them.
class SolveRunner {
 public:
  virtual ~SolveRunner() = default;
  // A failure of kind `invalid` is a contradiction in the request, explained in its details.
  virtual JobOutcome run(const SolveRequest& request, ProgressCell& progress,
                         std::stop_token stop) = 0;
};

// What it stands on; outlives it.
struct SolveParts {
  HttpClient& http;
  const Clock& clock;
  protocol::WorkSettings settings;
  std::filesystem::path cache_directory;  // for indices; made when the first solve needs it
  unsigned cpu = 1;                       // solves at once
};

// In a program built without libsolv: one that refuses every job and says what to do.
std::unique_ptr<SolveRunner> make_solve_runner(SolveParts parts);

}  // namespace athanor::worker
