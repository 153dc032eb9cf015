#include "coordinator/server/batch_desk.hpp"

#include "coordinator/queue/backoff.hpp"
#include "shared/base/limits.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace athanor::coordinator {

BatchDesk::BatchDesk(EventLoop& loop, BlockingPool& pool, const BatchPlanner& planner,
                     const Clock& clock, Random random)
    : loop_(loop),
      pool_(pool),
      planner_(planner),
      clock_(clock),
      random_(random) {}

void BatchDesk::restore(std::vector<JournaledBatch> batches) {
  for (JournaledBatch& journaled : batches) {
    auto head = read_head(journaled.document);
    if (!head) {
      // An `athanor run` left it; nobody here can tell what it is, and it is run again by a person.
      loop_.reactor().on_cancel_batch(clock_.now(), journaled.id);
      loop_.reactor().on_forget_batch(clock_.now(), journaled.id);
      continue;
    }
    DeskBatch& batch = batches_[journaled.id];
    batch.head = *std::move(head);
    batch.document = std::move(journaled.document);
    batch.received = clock_.now();
    batch.plan_at = clock_.now();
    batch.restored = true;
    by_token_.emplace(batch.head.token, journaled.id);
    for (JournaledBatch::Ended& ended : journaled.ended) {
      batch.ended[ended.environment] = {
          .keys = std::move(ended.keys), .error = std::move(ended.error), .kind = ErrorKind::bug};
    }
    if (journaled.finished) {
      batch.plan = DeskBatch::PlanState::released;
      over_.push_back(journaled.id);
    }
  }
}

Result<BatchId> BatchDesk::receive(std::string document, std::string secrets) {
  ATHANOR_ASSIGN(DocumentHead head, read_head(document));
  if (const auto known = by_token_.find(head.token); known != by_token_.end()) {
    return known->second;
  }
  const TimePoint now = clock_.now();
  const BatchId id = loop_.reactor().on_receive(now, head.name, head.priority, document);
  by_token_.emplace(head.token, id);
  DeskBatch& batch = batches_[id];
  batch.head = std::move(head);
  batch.document = std::move(document);
  batch.secrets = std::move(secrets);
  batch.received = now;
  batch.plan_at = now;
  return id;
}

Result<Released> BatchDesk::retry(BatchId id) {
  const auto found = batches_.find(id);
  if (found == batches_.end()) {
    return make_error(ErrorKind::not_found, "there is no batch " + std::to_string(id.value),
                      "'athanor batch list' shows them");
  }
  DeskBatch& batch = found->second;
  const Core& core = loop_.reactor().core();
  const auto& environments = core.batches.at(id).environments;
  const bool never_planned =
      !environments.empty() && batch.head.sources != 0 &&
      std::all_of(environments.begin(), environments.end(), [&](EnvironmentId environment) {
        const Environment& known = core.environments.at(environment);
        return known.jobs.empty() && known.state == EnvironmentState::failed &&
               known.conflicts == 0;
      });
  if (never_planned && !batch.trouble.empty()) {
    return make_error(ErrorKind::rejected, "it could not be planned: " + batch.trouble,
                      "submit the inputs again");
  }
  const Released released = loop_.reactor().on_retry_batch(clock_.now(), id);
  if (released.environments != 0) {
    if (batch.plan == DeskBatch::PlanState::released) {
      batch.plan = DeskBatch::PlanState::waiting;
      batch.plan_at = clock_.now();
      batch.plan_failures = 0;
    }
    std::erase(over_, id);
    for (auto ended = batch.ended.begin(); ended != batch.ended.end();) {
      ended = ended->second.keys.empty() ? batch.ended.erase(ended) : std::next(ended);
    }
  }
  return released;
}

void BatchDesk::publish(EnvironmentId environment) {
  const auto& environments = loop_.reactor().core().environments;
  const auto found = environments.find(environment);
  if (found == environments.end()) {
    return;
  }
  const auto batch = batches_.find(found->second.batch);
  if (batch == batches_.end()) {
    return;  // superseded
  }
  if (batch->second.plan == DeskBatch::PlanState::made) {
    post_publish(environment);
    return;
  }
  batch->second.to_publish.push_back(environment);
  if (batch->second.plan == DeskBatch::PlanState::released) {
    batch->second.plan = DeskBatch::PlanState::waiting;
    batch->second.plan_at = clock_.now();
  }
}

void BatchDesk::post_publish(EnvironmentId environment) {
  pool_.post([this, environment, job = book_.environment_job(loop_.reactor().core(), environment)](
                 std::stop_token stop) -> BlockingPool::Answer {
    Result<std::vector<std::string>> keys = job.publish(stop);
    return [this, environment, keys = std::move(keys)] {
      loop_.reactor().on_environment_published(clock_.now(), environment, keys);
    };
  });
}

void BatchDesk::on_event(const RunEvent& event) {
  if (const auto* ready = std::get_if<EnvironmentReady>(&event)) {
    if (const auto batch = batches_.find(ready->batch); batch != batches_.end()) {
      batch->second.ended[ready->environment] = {.keys = ready->keys, .error = {}, .kind = {}};
    }
  } else if (const auto* failed = std::get_if<EnvironmentFailed>(&event)) {
    if (const auto batch = batches_.find(failed->batch); batch != batches_.end()) {
      batch->second.ended[failed->environment] = {
          .keys = {}, .error = failed->error.message, .kind = failed->error.kind};
    }
  } else if (const auto* finished = std::get_if<BatchFinished>(&event)) {
    const auto found = batches_.find(finished->batch);
    if (found != batches_.end()) {
      DeskBatch& batch = found->second;
      batch.elapsed =
          std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - batch.received);
      if (batch.plan != DeskBatch::PlanState::under_way) {
        batch.plan = DeskBatch::PlanState::released;
      }
      batch.secrets.clear();
      book_.remove(finished->batch);
      over_.push_back(finished->batch);
    }
  }
}

void BatchDesk::tick() {
  for (auto& [id, batch] : batches_) {
    if (plans_under_way_ >= k_plans_at_once) {
      break;
    }
    if (batch.plan == DeskBatch::PlanState::waiting && batch.plan_at <= clock_.now()) {
      begin_plan(id, batch);
    }
  }
  forget_old();
}

void BatchDesk::forget_old() {
  while (over_.size() > limits::k_finished_batches) {
    const BatchId id = over_.front();
    over_.pop_front();
    const auto found = batches_.find(id);
    if (found == batches_.end() || !loop_.reactor().core().batches.at(id).finished()) {
      continue;
    }
    loop_.reactor().on_forget_batch(clock_.now(), id);
    by_token_.erase(found->second.head.token);
    batches_.erase(found);
  }
}

void BatchDesk::begin_plan(BatchId id, DeskBatch& batch) {
  batch.plan = DeskBatch::PlanState::under_way;
  ++plans_under_way_;
  pool_.post([this, id, document = batch.document,
              secrets = batch.secrets](std::stop_token stop) -> BlockingPool::Answer {
    auto planned = std::make_shared<Result<PlannedBatch>>(planner_.plan(document, secrets, stop));
    return [this, id, planned] { end_plan(id, std::move(*planned)); };
  });
}

void BatchDesk::end_plan(BatchId id, Result<PlannedBatch> planned) {
  --plans_under_way_;
  const auto found = batches_.find(id);
  if (found == batches_.end()) {
    return;
  }
  DeskBatch& batch = found->second;
  if (loop_.reactor().core().batches.at(id).finished()) {
    batch.plan = DeskBatch::PlanState::released;  // canceled meanwhile
  } else if (planned.ok()) {
    take_plan(id, batch, *std::move(planned));
  } else {
    fail_plan(id, batch, planned.error());
  }
}

void BatchDesk::take_plan(BatchId id, DeskBatch& batch, PlannedBatch planned) {
  batch.plan = DeskBatch::PlanState::made;
  batch.trouble.clear();
  batch.plan_failures = 0;
  batch.conflicts = std::move(planned.conflicts);
  batch.saved_by_dedupe = planned.saved_by_dedupe;
  const auto submitted = loop_.reactor().on_plan(clock_.now(), id, planned.submission);
  if (submitted) {
    book_.add(id, std::move(planned.plan), std::move(planned.publisher), submitted->jobs);
  } else {
    book_.add_restored(id, std::move(planned.plan), std::move(planned.publisher),
                       loop_.reactor().core());
  }
  for (const EnvironmentId environment : std::exchange(batch.to_publish, {})) {
    publish(environment);
  }
}

// A store that can't be reached now is asked again for as long as it takes: the batch was promised.
void BatchDesk::fail_plan(BatchId id, DeskBatch& batch, const Error& error) {
  batch.trouble = error.message;
  if (error.kind == ErrorKind::retry || error.kind == ErrorKind::canceled) {
    batch.plan = DeskBatch::PlanState::waiting;
    batch.plan_at = clock_.now() + backoff_delay(++batch.plan_failures, std::nullopt, random_);
    return;
  }
  batch.plan = DeskBatch::PlanState::released;
  loop_.reactor().on_plan_failed(clock_.now(), id, batch.head.environments.size(), error);
  for (const EnvironmentId environment : std::exchange(batch.to_publish, {})) {
    loop_.reactor().on_environment_published(clock_.now(), environment, error);
  }
}

}  // namespace athanor::coordinator
