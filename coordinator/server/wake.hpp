#pragma once

#include "shared/base/result.hpp"
#include "shared/os/fd.hpp"

namespace athanor::coordinator {

// A descriptor that one thread makes readable to wake another one's poll.
Result<Fd> make_wake();
void ring(const Fd& wake);
void take_ring(const Fd& wake);

}  // namespace athanor::coordinator
