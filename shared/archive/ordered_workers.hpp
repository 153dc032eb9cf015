#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace athanor {

// Jobs of one owner that run on several threads and are taken back in the order in which they were
// submitted. The owner's thread helps while it waits, so that no thread at all is needed for
// progress; the owner bounds how many jobs are under way.
//
// `Scratch` is what a thread works with: `void run(Job&)`, which must neither throw nor allocate
// without bound. Only the owner's thread calls the public functions.
template <typename Job, typename Scratch>
class OrderedWorkers {
 public:
  // Threads are started when there is work for them, and never more than `threads`.
  explicit OrderedWorkers(unsigned threads)
      : threads_wanted_(threads) {}

  ~OrderedWorkers() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_or_stop_.notify_all();
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

  OrderedWorkers(const OrderedWorkers&) = delete;
  OrderedWorkers& operator=(const OrderedWorkers&) = delete;

  // Jobs submitted and not yet taken.
  std::size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }

  void submit(std::unique_ptr<Job> job) {
    std::size_t waiting = 0;
    {
      const std::lock_guard lock(mutex_);
      slots_.push_back({.job = std::move(job)});
      waiting = slots_.size() - next_;
    }
    if (threads_.size() < threads_wanted_ && waiting > 0) {
      start_thread();
    }
    work_or_stop_.notify_one();
  }

  // Waits for the oldest job and removes it. REQUIRES: !empty().
  std::unique_ptr<Job> take() {
    std::unique_lock lock(mutex_);
    while (!slots_.front().done) {
      if (next_ < slots_.size()) {
        if (!own_scratch_) {
          own_scratch_ = std::make_unique<Scratch>();
        }
        run_next(lock, *own_scratch_);
      } else {
        done_.wait(lock);
      }
    }
    return pop();
  }

  // Removes the oldest job; runs it only if that has begun already. REQUIRES: !empty().
  std::unique_ptr<Job> discard() {
    std::unique_lock lock(mutex_);
    if (next_ == 0) {
      ++next_;
      return pop();
    }
    done_.wait(lock, [&] { return slots_.front().done; });
    return pop();
  }

 private:
  struct Slot {
    std::unique_ptr<Job> job;
    bool done = false;
  };

  void start_thread() {
    auto scratch = std::make_unique<Scratch>();
    try {
      threads_.emplace_back([this, own = std::move(scratch)] { serve(*own); });
    } catch (const std::system_error&) {
      // The machine has no thread to give: the work goes on with those there are.
      threads_wanted_ = static_cast<unsigned>(threads_.size());
    }
  }

  void serve(Scratch& scratch) {
    std::unique_lock lock(mutex_);
    while (true) {
      work_or_stop_.wait(lock, [&] { return stopping_ || next_ < slots_.size(); });
      if (stopping_) {
        return;
      }
      run_next(lock, scratch);
      done_.notify_one();
    }
  }

  void run_next(std::unique_lock<std::mutex>& lock, Scratch& scratch) {
    // A deque keeps its elements in place while others come and go at its ends, and this one isn't
    // taken before it is done.
    Slot& slot = slots_[next_++];
    lock.unlock();
    scratch.run(*slot.job);
    lock.lock();
    slot.done = true;
  }

  std::unique_ptr<Job> pop() {
    std::unique_ptr<Job> job = std::move(slots_.front().job);
    slots_.pop_front();
    --next_;
    return job;
  }

  unsigned threads_wanted_;
  std::unique_ptr<Scratch> own_scratch_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable work_or_stop_;
  std::condition_variable done_;
  std::deque<Slot> slots_;  // all from here on under the mutex
  std::size_t next_ = 0;    // the first slot whose job hasn't begun
  bool stopping_ = false;
};

}  // namespace athanor
