#include "coordinator/cli/stop_on_signal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace athanor::coordinator {

Result<std::unique_ptr<StopOnSignal>> StopOnSignal::open() {
  ATHANOR_ASSIGN(SignalQueue signals, SignalQueue::open({SIGINT, SIGTERM}));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return system_error(errno, "cannot make a pipe");
  }
  return std::unique_ptr<StopOnSignal>(
      new StopOnSignal(std::move(signals), Fd(ends[0]), Fd(ends[1])));
}

StopOnSignal::StopOnSignal(SignalQueue signals, Fd wake_reader, Fd wake_writer)
    : signals_(std::move(signals)),
      wake_reader_(std::move(wake_reader)),
      wake_writer_(std::move(wake_writer)),
      watcher_([this] { watch(); }) {}

StopOnSignal::~StopOnSignal() {
  wake_writer_.reset();
  watcher_.join();
}

void StopOnSignal::watch() {
  std::array<pollfd, 2> polled = {pollfd{signals_.fd(), POLLIN, 0},
                                  pollfd{wake_reader_.get(), POLLIN, 0}};
  while (polled[1].revents == 0) {
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if ((polled[0].revents & POLLIN) != 0 && !signals_.take().empty()) {
      source_.request_stop();
    }
  }
}

}  // namespace athanor::coordinator
