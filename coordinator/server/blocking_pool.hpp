#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace athanor::coordinator {

// Threads for calls that block (store calls), whose answers come back to the loop as functions to
// be run there. The queue isn't bounded here: it holds at most one entry per open environment.
class BlockingPool {
 public:
  // Runs on a pool thread; what it returns runs on the loop's thread.
  using Answer = std::function<void()>;
  using Task = std::function<Answer(std::stop_token)>;

  static Result<std::unique_ptr<BlockingPool>> start(unsigned threads);
  // Asks running tasks to stop, forgets waiting ones, and waits for the threads.
  ~BlockingPool();

  void post(Task task);
  // Runs the answers that are there. Only on the loop's thread.
  void run_answers();
  // Readable while there are answers.
  int wake_fd() const { return wake_.get(); }
  // Tasks posted whose answers haven't been run.
  std::size_t outstanding() const { return outstanding_; }

 private:
  explicit BlockingPool(Fd wake);
  void work(std::stop_token stop);

  Fd wake_;
  std::size_t outstanding_ = 0;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Task> tasks_;
  std::vector<Answer> answers_;

  std::vector<std::jthread> threads_;
};

}  // namespace athanor::coordinator
