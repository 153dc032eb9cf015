#pragma once

#include "shared/base/clock.hpp"

#include <algorithm>
#include <chrono>

namespace athanor::coordinator {

// So many things a second, and so many at once after a quiet time. Takes may go into debt, for what
// happened without having been asked about; the debt is paid before anything else is allowed. Pure:
// the time is a parameter. Not thread-safe.
class TokenBucket {
 public:
  // REQUIRES: rate > 0, burst >= 1. It begins full.
  TokenBucket(double rate, double burst, TimePoint now)
      : rate_(rate),
        burst_(burst),
        tokens_(burst),
        filled_(now) {}

  double rate() const { return rate_; }
  double tokens(TimePoint now) const {
    const std::chrono::duration<double> since = std::max(now - filled_, Duration{0});
    return std::min(burst_, tokens_ + since.count() * rate_);
  }
  bool has_one(TimePoint now) const { return tokens(now) >= 1; }
  // When there will be one.
  TimePoint next(TimePoint now) const {
    const double missing = 1 - tokens(now);
    if (missing <= 0) {
      return now;
    }
    return now + std::chrono::ceil<Duration>(std::chrono::duration<double>(missing / rate_));
  }
  void take(TimePoint now, double count) {
    tokens_ = tokens(now) - count;
    filled_ = std::max(filled_, now);
  }
  void set_rate(TimePoint now, double rate, double burst) {
    take(now, 0);
    rate_ = rate;
    burst_ = burst;
    tokens_ = std::min(tokens_, burst);
  }

 private:
  double rate_;
  double burst_;
  double tokens_;
  TimePoint filled_;
};

}  // namespace athanor::coordinator
