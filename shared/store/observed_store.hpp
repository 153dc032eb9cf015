#pragma once

#include "shared/base/clock.hpp"
#include "shared/json/json.hpp"
#include "shared/net/retry.hpp"
#include "shared/store/store.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace athanor {

enum class StoreOperation { list, list_folder, find, get, put_if_absent, put, copy, remove };
inline constexpr std::size_t k_store_operations = 8;
std::string_view to_string(StoreOperation operation);  // "list", "get", ...

// What was asked of a store, by operation. A call counts once, however often a backend had to try.
struct StoreOperationMetrics {
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;   // calls that ended in an Error; "canceled" and a sink's own count
  std::uint64_t bytes_in = 0;   // received
  std::uint64_t bytes_out = 0;  // sent; of a put that found an object, none
  std::chrono::nanoseconds total{0};
  std::chrono::nanoseconds longest{0};
  // Calls by how long they took: bucket i holds those under 2^i milliseconds, the last one the
  // rest.
  static constexpr std::size_t k_buckets = 16;
  std::array<std::uint64_t, k_buckets> by_latency{};

  // The bound under which at least that share of the calls stayed; 0 without calls.
  std::chrono::milliseconds quantile(double share) const;
};
using StoreMetrics = std::array<StoreOperationMetrics, k_store_operations>;

// A store that counts what is asked of the one behind it. Thread-safe.
class ObservedStore final : public Store {
 public:
  // The clock outlives this.
  ObservedStore(std::unique_ptr<Store> inner, const Clock& clock);

  StoreMetrics metrics() const;

  const std::string& url() const override { return inner_->url(); }
  bool cheap_lookups() const override { return inner_->cheap_lookups(); }
  Result<bool> creates_conditionally() override { return inner_->creates_conditionally(); }
  Result<void> list(std::string_view prefix, const ObjectVisitor& visit,
                    std::stop_token stop) override;
  Result<std::vector<FolderEntry>> list_folder(std::string_view prefix) override;
  Result<std::optional<ObjectInfo>> find(std::string_view key) override;
  Result<bool> get(std::string_view key, ByteRange range, const ObjectSink& sink,
                   std::stop_token stop) override;
  Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                   std::stop_token stop) override;
  Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                         const std::optional<std::string>& expected_version) override;
  Result<CopyOutcome> copy_if_absent(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view key) override;

 private:
  struct Traffic {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
  };
  void note(StoreOperation operation, TimePoint begun, bool ok, const Traffic& traffic);

  const std::unique_ptr<Store> inner_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  StoreMetrics metrics_;  // guarded by mutex_
};

// One line per operation that was asked for, each with a newline:
// "store: get 118 calls, 3.1 GiB in, 0 failed, half within 16 ms, 99% within 256 ms, longest 310
// ms".
std::string show_store_metrics(const StoreMetrics& metrics);
// {"get": {"calls": ..., "failures": ..., "bytes_in": ..., "seconds": ..., ...}, ...}
Json store_metrics_to_json(const StoreMetrics& metrics);

// How fast a store may be used; 0: as fast as it goes.
struct StoreLimits {
  std::uint64_t requests_per_second = 0;
  std::uint64_t bytes_per_second = 0;
};
// "500k", "20M", "1G" or a plain number, in bytes a second; invalid, beginning with `option`.
Result<std::uint64_t> parse_byte_rate(std::string_view text, std::string_view option);
// The same for a plain number of requests a second.
Result<std::uint64_t> parse_request_rate(std::string_view text, std::string_view option);

// The store itself if nothing is limited, else one that waits before each call and, while bytes
// pass, after each piece. A listing counts as one request for each thousand objects.
// The clock outlives it.
std::unique_ptr<Store> limit_store(std::unique_ptr<Store> inner, const StoreLimits& limits,
                                   const Clock& clock, const Sleeper& sleeper);

}  // namespace athanor
