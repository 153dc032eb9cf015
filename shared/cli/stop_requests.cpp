#include "shared/cli/stop_requests.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace athanor::cli {

namespace {

Result<void> open_pipe(Fd& out, Fd& in) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return system_error(errno, "cannot make a pipe");
  }
  out = Fd(ends[0]);
  in = Fd(ends[1]);
  return {};
}

// A full pipe has more requests in it than anybody will read.
void write_byte(const Fd& fd) {
  const char byte = 's';
  [[maybe_unused]] const ssize_t written = ::write(fd.get(), &byte, 1);
}

}  // namespace

StopRequests::StopRequests(SignalQueue signals)
    : signals_(std::move(signals)) {}

Result<std::unique_ptr<StopRequests>> StopRequests::open(Callbacks callbacks) {
  ATHANOR_ASSIGN(SignalQueue signals, SignalQueue::open({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  std::unique_ptr<StopRequests> requests(new StopRequests(std::move(signals)));
  ATHANOR_TRY(open_pipe(requests->requests_out_, requests->requests_in_));
  ATHANOR_TRY(open_pipe(requests->end_out_, requests->end_in_));
  StopRequests* self = requests.get();
  requests->thread_ =
      std::thread([self, callbacks = std::move(callbacks)] { self->receive(callbacks); });
  return requests;
}

StopRequests::~StopRequests() {
  write_byte(end_in_);
  if (thread_.joinable()) {
    thread_.join();
  }
}

ExitStatus StopRequests::status() const {
  switch (first_signal_.load()) {
    case 0:
      return ExitStatus::ready;
    case SIGTERM:
      return ExitStatus::terminated;
    default:
      return ExitStatus::interrupted;
  }
}

void StopRequests::receive(const Callbacks& callbacks) {
  unsigned count = 0;
  for (;;) {
    std::array<pollfd, 2> watched = {{{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                                      {.fd = end_out_.get(), .events = POLLIN, .revents = 0}}};
    const int ready =
        ::poll(watched.data(), watched.size(), static_cast<int>(callbacks.interval.count()));
    if (ready < 0 && errno != EINTR) {
      return;
    }
    if (watched[1].revents != 0) {
      return;
    }
    for (const int signal : signals_.take()) {
      int none = 0;
      first_signal_.compare_exchange_strong(none, signal);
      write_byte(requests_in_);
      if (callbacks.on_request) {
        callbacks.on_request(++count);
      }
    }
    if (callbacks.on_tick) {
      callbacks.on_tick();
    }
  }
}

}  // namespace athanor::cli
