#include "shared/os/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace athanor {

SignalQueue::SignalQueue(Fd fd)
    : fd_(std::move(fd)) {}

Result<SignalQueue> SignalQueue::open(std::initializer_list<int> signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : signals) {
    ::sigaddset(&set, number);
  }
  if (const int error_number = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error_number != 0) {
    return system_error(error_number, "cannot take signals");
  }
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) {
    return system_error(errno, "cannot take signals");
  }
  return SignalQueue(std::move(fd));
}

std::vector<int> SignalQueue::take() {
  std::vector<int> taken;
  while (true) {
    signalfd_siginfo info{};
    const ssize_t got = ::read(fd_.get(), &info, sizeof info);
    if (got == static_cast<ssize_t>(sizeof info)) {
      taken.push_back(static_cast<int>(info.ssi_signo));
      ++count_;
    } else if (got >= 0 || errno != EINTR) {
      return taken;
    }
  }
}

void ignore_broken_pipes() {
  ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace athanor
