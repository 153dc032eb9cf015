#pragma once

#include "shared/base/result.hpp"

#include <cstddef>
#include <functional>
#include <stop_token>

namespace athanor::coordinator {

// Calls work(0) … work(count - 1), at most `threads` at a time, in no particular order, and returns
// when all calls have. After a first error no further call begins; that error is returned. A stop
// request counts as an error (canceled).
Result<void> for_each_in_parallel(std::size_t count, unsigned threads,
                                  const std::function<Result<void>(std::size_t)>& work,
                                  std::stop_token stop = {});

}  // namespace athanor::coordinator
