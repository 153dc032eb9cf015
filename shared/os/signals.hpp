#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

#include <initializer_list>
#include <vector>

namespace athanor {

// Signals as a descriptor to poll instead of interruptions. From open() on the signals are blocked
// in the calling thread and in every thread started after it, so it is opened first thing in a
// program. Child processes made by ChildProcess start with nothing blocked. Not thread-safe.
class SignalQueue {
 public:
  static Result<SignalQueue> open(std::initializer_list<int> signals);

  // Readable when a signal is waiting.
  int fd() const { return fd_.get(); }
  // The signals that came since the last call, in order; never blocks.
  std::vector<int> take();
  // How many have been taken in all: the first SIGINT drains, the second stops at once.
  unsigned count() const { return count_; }

 private:
  explicit SignalQueue(Fd fd);

  Fd fd_;
  unsigned count_ = 0;
};

// A reader of ours that goes away must not end the process: writes answer EPIPE instead.
void ignore_broken_pipes();

}  // namespace athanor
