#include "coordinator/fleet/worker_table.hpp"

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"

#include <algorithm>
#include <utility>

namespace athanor::coordinator {

std::size_t Worker::credit() const {
  const std::size_t room = std::min<std::size_t>(capacity.jobs, limits::k_worker_jobs);
  return state == WorkerState::active && room > held.size() ? room - held.size() : 0;
}

std::size_t Worker::slots() const {
  return capacity.slots != 0 ? capacity.slots : std::max<std::size_t>(1, capacity.jobs / 2);
}

std::size_t Worker::free_slots() const {
  const std::size_t free = slots() > held.size() ? slots() - held.size() : 0;
  return std::min(free, credit());
}

Worker& WorkerTable::add(Worker worker) {
  const WorkerId id = worker.id;
  ATHANOR_CHECK(by_peer_.emplace(worker.peer, id).second);
  by_name_[worker.name] = id;
  const auto [position, inserted] = workers_.emplace(id, std::move(worker));
  ATHANOR_CHECK(inserted);
  return position->second;
}

const Worker* WorkerTable::find(WorkerId id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : &found->second;
}

Worker* WorkerTable::find(WorkerId id) {
  return const_cast<Worker*>(std::as_const(*this).find(id));
}

Worker* WorkerTable::find_peer(PeerId peer) {
  const auto found = by_peer_.find(peer);
  return found == by_peer_.end() ? nullptr : find(found->second);
}

Worker* WorkerTable::find_name(const std::string& name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : find(found->second);
}

WorkerState WorkerTable::apply(WorkerId id, WorkerEvent event) {
  Worker* worker = find(id);
  ATHANOR_CHECK(worker != nullptr);
  const auto to = next_worker_state(worker->state, event);
  ATHANOR_CHECK(to.has_value());
  return std::exchange(worker->state, *to);
}

void WorkerTable::remove(WorkerId id) {
  const Worker* worker = find(id);
  ATHANOR_CHECK(worker != nullptr && is_over(worker->state) && worker->held.empty());
  by_peer_.erase(worker->peer);
  if (const auto named = by_name_.find(worker->name);
      named != by_name_.end() && named->second == id) {
    by_name_.erase(named);
  }
  workers_.erase(id);
}

void WorkerTable::offer(Worker& worker) {
  const std::size_t queue = worker.free_slots() > 0 ? 0 : 1;
  if (!std::exchange(worker.offered[queue], true)) {
    offers_[queue].push_back(worker.id);
  }
}

std::optional<WorkerId> WorkerTable::next_offer() {
  for (std::size_t queue = 0; queue < offers_.size(); ++queue) {
    while (!offers_[queue].empty()) {
      const WorkerId id = offers_[queue].front();
      offers_[queue].pop_front();
      Worker* worker = find(id);
      if (worker == nullptr) {
        continue;
      }
      worker->offered[queue] = false;
      if (queue == 0 && worker->free_slots() == 0) {
        offer(*worker);  // its slots have filled up meanwhile
        continue;
      }
      return id;
    }
  }
  return std::nullopt;
}

}  // namespace athanor::coordinator
