#include "shared/store/parallel_parts.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace athanor {
namespace {

constexpr std::size_t k_parts_at_once = 4;

}  // namespace

Result<void> send_parts_in_parallel(
    std::size_t count, std::stop_token stop,
    const std::function<Result<void>(std::size_t part, std::stop_token stop)>& send) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::optional<Error> failure;  // guarded by mutex
  std::stop_source enough;       // of the other parts, once one has failed
  const std::stop_callback forward(stop, [&] { enough.request_stop(); });
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < std::min(k_parts_at_once, count); ++t) {
      threads.emplace_back([&] {
        for (std::size_t i = next++; i < count && !enough.stop_requested(); i = next++) {
          if (auto sent = send(i, enough.get_token()); !sent) {
            const std::lock_guard lock(mutex);
            if (!failure) {
              failure = std::move(sent).error();
            }
            enough.request_stop();
          }
        }
      });
    }
  }
  if (failure) {
    return std::move(*failure);
  }
  if (stop.stop_requested()) {
    return make_error(ErrorKind::canceled, "stopped while writing to the store");
  }
  return {};
}

}  // namespace athanor
