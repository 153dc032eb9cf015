#pragma once

#include "shared/base/result.hpp"

#include <cstddef>
#include <functional>
#include <stop_token>

namespace athanor {

// Sends the parts 0 … count-1, some at a time, each by one call on one thread. The first failure
// stops the others and is returned; a stop request is `canceled`.
Result<void> send_parts_in_parallel(
    std::size_t count, std::stop_token stop,
    const std::function<Result<void>(std::size_t part, std::stop_token stop)>& send);

}  // namespace athanor
