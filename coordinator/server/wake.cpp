#include "coordinator/server/wake.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace athanor::coordinator {

Result<Fd> make_wake() {
  Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) {
    return system_error(errno, "cannot make an event descriptor");
  }
  return wake;
}

void ring(const Fd& wake) {
  const std::uint64_t one = 1;
  // Only a counter that is already rung many times over refuses.
  [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
}

void take_ring(const Fd& wake) {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto taken = ::read(wake.get(), &count, sizeof count);
}

}  // namespace athanor::coordinator
