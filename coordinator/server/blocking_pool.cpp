#include "coordinator/server/blocking_pool.hpp"

#include "coordinator/server/wake.hpp"

#include <algorithm>
#include <utility>

namespace athanor::coordinator {

Result<std::unique_ptr<BlockingPool>> BlockingPool::start(unsigned threads) {
  ATHANOR_ASSIGN(Fd wake, make_wake());
  std::unique_ptr<BlockingPool> pool(new BlockingPool(std::move(wake)));
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    pool->threads_.emplace_back([&self = *pool](std::stop_token stop) { self.work(stop); });
  }
  return pool;
}

BlockingPool::BlockingPool(Fd wake)
    : wake_(std::move(wake)) {}

BlockingPool::~BlockingPool() {
  for (std::jthread& thread : threads_) {
    thread.request_stop();
  }
  threads_.clear();
}

void BlockingPool::post(Task task) {
  ++outstanding_;
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void BlockingPool::run_answers() {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
    take_ring(wake_);
  }
  for (const Answer& answer : answers) {
    --outstanding_;
    answer();
  }
}

void BlockingPool::work(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !tasks_.empty(); })) {
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    Answer answer = task(stop);
    lock.lock();
    answers_.push_back(std::move(answer));
    ring(wake_);
  }
}

}  // namespace athanor::coordinator
