#include "coordinator/queue/ready_queue.hpp"

#include "shared/base/check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace athanor::coordinator {

void ReadyQueue::add_batch(BatchId batch, int priority) {
  batches_[batch].weight = std::exp2(std::clamp(priority, -1000, 1000) / 100.0);
}

void ReadyQueue::remove_batch(BatchId batch) {
  const auto found = batches_.find(batch);
  if (found == batches_.end()) {
    return;
  }
  for (const auto& [origin, lane] : found->second.lanes) {
    size_ -= lane.size();
    waiting_[origin] -= lane.size();
  }
  batches_.erase(found);
}

void ReadyQueue::push(BatchId batch, JobId job, OriginId origin, std::uint64_t size) {
  const auto found = batches_.find(batch);
  ATHANOR_CHECK(found != batches_.end());
  ATHANOR_CHECK(job.value < std::numeric_limits<std::uint32_t>::max());
  std::vector<Item>& lane = found->second.lanes[origin];
  lane.push_back({.size = size, .job = static_cast<std::uint32_t>(job.value)});
  std::push_heap(lane.begin(), lane.end());
  ++size_;
  if (origin >= waiting_.size()) {
    waiting_.resize(std::size_t{origin} + 1);
  }
  ++waiting_[origin];
}

std::optional<ReadyQueue::Entry> ReadyQueue::pop(const std::function<bool(OriginId)>& is_open) {
  if (size_ == 0) {
    return std::nullopt;
  }
  auto best_batch = batches_.end();
  Lane best_lane;
  double best_load = 0;
  for (auto batch = batches_.begin(); batch != batches_.end(); ++batch) {
    if (batch->second.lanes.empty()) {
      continue;
    }
    const double load = (static_cast<double>(batch->second.executing) + 1) * batch->second.weight;
    if (best_batch != batches_.end() && load >= best_load) {
      continue;
    }
    auto& lanes = batch->second.lanes;
    Lane largest = lanes.end();
    for (Lane lane = lanes.begin(); lane != lanes.end(); ++lane) {
      if ((largest == lanes.end() || largest->second.front() < lane->second.front()) &&
          is_open(lane->first)) {
        largest = lane;
      }
    }
    if (largest != lanes.end()) {
      best_batch = batch;
      best_lane = largest;
      best_load = load;
    }
  }
  if (best_batch == batches_.end()) {
    return std::nullopt;
  }
  std::vector<Item>& heap = best_lane->second;
  const Entry entry{
      .batch = best_batch->first, .job = JobId{heap.front().job}, .origin = best_lane->first};
  std::pop_heap(heap.begin(), heap.end());
  heap.pop_back();
  --size_;
  --waiting_[entry.origin];
  if (heap.empty()) {
    best_batch->second.lanes.erase(best_lane);
  }
  return entry;
}

void ReadyQueue::begin_executing(BatchId batch) {
  if (const auto found = batches_.find(batch); found != batches_.end()) {
    ++found->second.executing;
  }
}

void ReadyQueue::end_executing(BatchId batch) {
  if (const auto found = batches_.find(batch); found != batches_.end()) {
    ATHANOR_CHECK(found->second.executing > 0);
    --found->second.executing;
  }
}

std::size_t ReadyQueue::executing(BatchId batch) const {
  const auto found = batches_.find(batch);
  return found == batches_.end() ? 0 : found->second.executing;
}

}  // namespace athanor::coordinator
