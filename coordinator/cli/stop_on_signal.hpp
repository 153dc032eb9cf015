#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/signals.hpp"

#include <memory>
#include <stop_token>
#include <thread>

namespace athanor::coordinator {

// For verbs that do their work in this process and must leave nothing half-made behind: SIGINT and
// SIGTERM request a stop instead of ending the process. Opened before any thread is started.
class StopOnSignal {
 public:
  static Result<std::unique_ptr<StopOnSignal>> open();
  ~StopOnSignal();

  std::stop_token token() const { return source_.get_token(); }

 private:
  StopOnSignal(SignalQueue signals, Fd wake_reader, Fd wake_writer);

  void watch();

  SignalQueue signals_;
  Fd wake_reader_;  // readable once the watcher shall end
  Fd wake_writer_;
  std::stop_source source_;
  std::thread watcher_;
};

}  // namespace athanor::coordinator
