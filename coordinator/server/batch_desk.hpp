#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/document/batch_snapshot.hpp"
#include "coordinator/document/submission_document.hpp"
#include "coordinator/journal/journal.hpp"
#include "coordinator/server/batch_book.hpp"
#include "coordinator/server/batch_planner.hpp"
#include "coordinator/server/blocking_pool.hpp"
#include "coordinator/server/event_loop.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/random.hpp"
#include "shared/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace athanor::coordinator {

// How one environment of a batch ended.
struct EnvironmentEnd {
  std::vector<std::string> keys;
  std::string error;
  ErrorKind kind = ErrorKind::bug;
};

// A submission as the service knows it, beside what the core knows of its batch.
struct DeskBatch {
  enum class PlanState {
    waiting,    // to be made, at `plan_at`
    under_way,  // on a thread that may block
    made,       // in the book
    released,   // the batch is over; it would be made again
  };

  DocumentHead head;
  std::string document;
  std::string secrets;  // in memory only
  PlanState plan = PlanState::waiting;
  TimePoint plan_at;
  std::uint32_t plan_failures = 0;
  std::string trouble;                    // why the last planning failed
  std::vector<EnvironmentId> to_publish;  // once there is a plan
  std::map<std::size_t, EnvironmentEnd> ended;
  std::vector<std::string> conflicts;
  std::uint64_t saved_by_dedupe = 0;
  std::chrono::milliseconds elapsed{};  // from receipt to end
  TimePoint received;
  bool restored = false;  // of an earlier process
};

// Takes submissions in, has them planned, and has environments published, for a coordinator that
// serves many batches. After a restart it knows the batches again by their documents and plans
// again what is open. All calls on the loop's thread.
class BatchDesk {
 public:
  // All of them outlive the desk.
  BatchDesk(EventLoop& loop, BlockingPool& pool, const BatchPlanner& planner, const Clock& clock,
            Random random);

  // What the journal held, once, before anything else. Batches that no client submitted are
  // superseded.
  void restore(std::vector<JournaledBatch> batches);

  // The batch that the submission has become, or the one that it was already. It is durable once
  // the loop says so. Errors: the document's.
  Result<BatchId> receive(std::string document, std::string secrets);
  // Plans again what is needed for a batch that goes on after its end. rejected: it was never
  // planned.
  Result<Released> retry(BatchId batch);

  void publish(EnvironmentId environment);
  void on_event(const RunEvent& event);
  // Begins plans that are due, and forgets batches that ended long ago.
  void tick();

  const std::map<BatchId, DeskBatch>& batches() const { return batches_; }
  const BatchBook& book() const { return book_; }

 private:
  // Plans hold a batch's packages in memory several times over.
  static constexpr unsigned k_plans_at_once = 2;

  void begin_plan(BatchId id, DeskBatch& batch);
  void end_plan(BatchId id, Result<PlannedBatch> planned);
  void take_plan(BatchId id, DeskBatch& batch, PlannedBatch planned);
  void fail_plan(BatchId id, DeskBatch& batch, const Error& error);
  void post_publish(EnvironmentId environment);
  void forget_old();

  EventLoop& loop_;
  BlockingPool& pool_;
  const BatchPlanner& planner_;
  const Clock& clock_;
  Random random_;
  std::map<BatchId, DeskBatch> batches_;
  std::unordered_map<std::uint64_t, BatchId> by_token_;
  BatchBook book_;
  std::deque<BatchId> over_;  // in the order in which they ended
  unsigned plans_under_way_ = 0;
};

}  // namespace athanor::coordinator
