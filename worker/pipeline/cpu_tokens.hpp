#pragma once

#include "worker/pipeline/pipeline.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace athanor::worker {

// How many jobs may use a processor at once. Thread-safe.
class CpuTokens {
 public:
  explicit CpuTokens(unsigned count)
      : free_(count == 0 ? 1 : count) {}

  // Gives the token back when it goes.
  class Token {
   public:
    explicit Token(CpuTokens& tokens)
        : tokens_(&tokens) {}
    Token(Token&& other) noexcept
        : tokens_(std::exchange(other.tokens_, nullptr)) {}
    Token& operator=(Token&&) = delete;
    ~Token() {
      if (tokens_ != nullptr) {
        tokens_->give_back();
      }
    }

   private:
    CpuTokens* tokens_;
  };

  // Waits for a token, and counts as progress while it does: those who have one are watched. Absent
  // if a stop is requested first.
  std::optional<Token> acquire(ProgressCell& progress, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, stop, std::chrono::seconds(1), [&] { return free_ > 0; })) {
      if (stop.stop_requested()) {
        return std::nullopt;
      }
      ++progress.steps;
    }
    --free_;
    return Token(*this);
  }

 private:
  void give_back() {
    const std::lock_guard lock(mutex_);
    ++free_;
    changed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  unsigned free_;
};

}  // namespace athanor::worker
