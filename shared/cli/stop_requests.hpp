#pragma once

#include "shared/base/result.hpp"
#include "shared/cli/exit_status.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/signals.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace athanor::cli {

// SIGINT, SIGTERM, SIGHUP and SIGQUIT as requests to stop: the first asks for a drain, the second
// for an end at once. A thread of its own receives them; it is also the program's slow clock, for
// whatever has to happen although nothing else does (a heartbeat line, a repainted bar). Open it
// before any other thread is started.
class StopRequests {
 public:
  // `on_request` is told how many requests there have been; `on_tick` is called about every
  // `interval`. Both on the receiving thread.
  struct Callbacks {
    std::function<void(unsigned count)> on_request = {};
    std::function<void()> on_tick = {};
    std::chrono::milliseconds interval{250};
  };
  static Result<std::unique_ptr<StopRequests>> open(Callbacks callbacks);

  StopRequests(const StopRequests&) = delete;
  StopRequests& operator=(const StopRequests&) = delete;
  // Ends the thread. From then on a signal does nothing; the program is about to end.
  ~StopRequests();

  // Non-blocking; one byte can be read for each request.
  int fd() const { return requests_out_.get(); }
  // How a program ends that was asked to stop: `terminated` if the first request was SIGTERM, else
  // `interrupted`; `ready` if there was none. Call it when the work is done.
  ExitStatus status() const;

 private:
  explicit StopRequests(SignalQueue signals);
  void receive(const Callbacks& callbacks);

  SignalQueue signals_;
  Fd requests_in_;
  Fd requests_out_;
  Fd end_in_;
  Fd end_out_;
  std::atomic<int> first_signal_{0};
  std::thread thread_;
};

}  // namespace athanor::cli
