#include "coordinator/cli/solve_host.hpp"

#include "coordinator/cli/run_place.hpp"
#include "coordinator/cli/work_options.hpp"
#include "coordinator/server/coordinator.hpp"
#include "shared/auth/access.hpp"
#include "shared/base/strings.hpp"
#include "shared/os/machine.hpp"
#include "shared/os/temp_dir.hpp"
#include "shared/store/open_store.hpp"

#include <algorithm>
#include <ostream>

namespace athanor::coordinator {
namespace {

// Solving is over in seconds; what a person needs to hear stands in the outcomes.
class Silence final : public RunListener {
 public:
  void on_event(const RunEvent& /*event*/) override {}
};

Error error_of(const JobFailure& failure) {
  std::string message = failure.message;
  for (const std::string& detail : failure.details) {
    message += "\n" + detail;
  }
  return make_error(failure.kind, std::move(message), failure.hint);
}

}  // namespace

Result<std::vector<Result<SolveSuccess>>> SolveHost::solve(std::span<const SolveRequest> questions,
                                                           std::stop_token stop) {
  if (stop.stop_requested()) {
    return make_error(ErrorKind::canceled, "stopped before anything was solved");
  }
  // A solve touches no store, but workers open one before they take anything.
  ATHANOR_ASSIGN(const TempDir nowhere, TempDir::create("athanor-solve-"));
  ATHANOR_ASSIGN(const std::unique_ptr<Store> store,
                 open_store(nowhere.path().string(), CreateStore::yes));
  ATHANOR_ASSIGN(const RunPlace place, RunPlace::take(settings_, place_, context_));
  const std::uint64_t wanted = *settings_.workers == 0 ? cpu_count() : *settings_.workers;
  CoordinatorOptions options;
  options.settings = work_settings(settings_, nowhere.path().string(), context_);
  options.state_directory = place.socket_directory();
  const auto count = std::min<std::uint64_t>(wanted, questions.size());
  ATHANOR_ASSIGN(options.workers, own_workers(settings_, context_, count));
  Silence silence;
  ATHANOR_ASSIGN(const std::unique_ptr<Coordinator> coordinator,
                 Coordinator::start(std::move(options), *store, silence));
  std::vector<SolveRequest> requests(questions.begin(), questions.end());
  ATHANOR_ASSIGN(const BatchId batch,
                 coordinator->submit_solves(std::move(requests), {.name = "resolve"}));
  ATHANOR_TRY(coordinator->run_until_done(stop_fd_));
  ATHANOR_ASSIGN(std::vector<SolveOutcome> outcomes, coordinator->take_solves(batch));
  std::vector<Result<SolveSuccess>> answers;
  answers.reserve(outcomes.size());
  for (SolveOutcome& outcome : outcomes) {
    if (auto* success = std::get_if<SolveSuccess>(&outcome)) {
      answers.emplace_back(std::move(*success));
    } else {
      answers.emplace_back(error_of(std::get<JobFailure>(outcome)));
    }
  }
  return answers;
}

}  // namespace athanor::coordinator
