#pragma once

#include <chrono>

namespace athanor {

// Monotonic time: leases, timeouts, rates. Not comparable between processes.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;
// Calendar time (UTC): only for documents and logs, never for decisions.
using WallTime = std::chrono::system_clock::time_point;

// Where time comes from, so that tests and simulations own it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual WallTime wall_now() const = 0;
};

// The machine's clock.
class SystemClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override { return std::chrono::system_clock::now(); }
};

}  // namespace athanor
