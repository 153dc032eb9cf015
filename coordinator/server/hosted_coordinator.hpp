#pragma once

#include "coordinator/server/batch_book.hpp"
#include "coordinator/server/coordinator.hpp"
#include "coordinator/server/event_loop.hpp"
#include "coordinator/server/loop_host.hpp"
#include "coordinator/server/solve_book.hpp"
#include "coordinator/server/summary.hpp"
#include "shared/base/clock.hpp"
#include "shared/layout/layout.hpp"
#include "shared/store/store.hpp"
#include "shared/transport/endpoint.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace athanor::coordinator {

// The coordinator behind Coordinator::start: the loop, the pool and the worker processes together.
class HostedCoordinator final : public Coordinator, private LoopHandler {
 public:
  // As Coordinator::start, with the clock of the caller's choice.
  static Result<std::unique_ptr<HostedCoordinator>> make(CoordinatorOptions options, Store& store,
                                                         RunListener& listener,
                                                         std::unique_ptr<const Clock> clock);
  ~HostedCoordinator() override;

  Result<BatchId> submit(std::shared_ptr<const Plan> plan, SubmitOptions options) override;
  Result<BatchId> submit_solves(std::vector<SolveRequest> requests, SubmitOptions options) override;
  Result<std::vector<SolveOutcome>> take_solves(BatchId batch) override;
  Result<RunSummary> run_until_done(int stop_fd) override;

  // Where workers of this machine connect.
  const std::string& worker_address() const { return worker_address_; }

 private:
  HostedCoordinator(CoordinatorOptions options, Store& store, RunListener& listener,
                    std::unique_ptr<const Clock> clock);
  Result<void> open_endpoints();
  Result<void> begin(std::unique_ptr<Journal> journal);
  Result<void> supersede_old_batches();

  Result<void> farewell(int stop_fd);
  bool is_finished() const;

  // LoopHandler
  void on_event(const RunEvent& event) override;
  void publish_environment(EnvironmentId environment) override;

  const CoordinatorOptions options_;
  Store& store_;
  const Layout layout_;
  RunListener& listener_;
  const std::unique_ptr<const Clock> clock_;

  transport::Context context_;
  std::unique_ptr<EventLoop> loop_;
  BatchBook batches_;
  SolveBook solves_;
  SummaryBuilder summary_;
  std::vector<BatchId> old_batches_;  // of an earlier process; nobody here knows their plans
  bool muted_ = false;                // what happens to old batches is nobody's news
  std::string worker_address_;
  std::unique_ptr<LoopHost> host_;  // goes first: its pool's tasks use the rest
};

}  // namespace athanor::coordinator
