#pragma once

#include "shared/base/clock.hpp"

#include <mutex>

namespace athanor::test {

// Time that moves only when the test says so. Begins at 2026-01-31T01:02:03Z. Thread-safe.
class ManualClock final : public Clock {
 public:
  TimePoint now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  WallTime wall_now() const override {
    const std::lock_guard lock(mutex_);
    return wall_;
  }
  void advance(Duration duration) {
    const std::lock_guard lock(mutex_);
    now_ += duration;
    wall_ += std::chrono::duration_cast<WallTime::duration>(duration);
  }
  void set_wall(WallTime wall) {
    const std::lock_guard lock(mutex_);
    wall_ = wall;
  }

 private:
  mutable std::mutex mutex_;
  TimePoint now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::seconds(1'769'821'323)};
};

}  // namespace athanor::test
