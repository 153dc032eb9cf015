#include "coordinator/plan/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace athanor::coordinator {

Result<void> for_each_in_parallel(std::size_t count, unsigned threads,
                                  const std::function<Result<void>(std::size_t)>& work,
                                  std::stop_token stop) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::optional<Error> first_error;

  const auto fail = [&](Error error) {
    const std::lock_guard lock(mutex);
    if (!first_error) {
      first_error = std::move(error);
    }
    failed = true;
  };
  const auto run = [&] {
    while (!failed) {
      const std::size_t index = next.fetch_add(1);
      if (index >= count) {
        return;
      }
      if (stop.stop_requested()) {
        fail(make_error(ErrorKind::canceled, "stopped while asking the store"));
        return;
      }
      if (Result<void> done = work(index); !done) {
        fail(std::move(done).error());
      }
    }
  };

  {
    std::vector<std::jthread> helpers;
    // This thread works too.
    const std::size_t wanted = std::min<std::size_t>(threads, count);
    for (std::size_t i = 1; i < wanted; ++i) {
      helpers.emplace_back(run);
    }
    run();
  }
  if (first_error) {
    return std::move(*first_error);
  }
  return {};
}

}  // namespace athanor::coordinator
