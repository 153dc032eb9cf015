#include "shared/store/observed_store.hpp"

#include "shared/base/units.hpp"

#include <algorithm>
#include <utility>

namespace athanor {
namespace {

constexpr std::array<std::string_view, k_store_operations> k_names = {
    "list", "list_folder", "find", "get", "put_if_absent", "put", "copy", "remove"};

std::uint64_t milliseconds_of(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

double seconds_of(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::string_view to_string(StoreOperation operation) {
  return k_names[static_cast<std::size_t>(operation)];
}

std::chrono::milliseconds StoreOperationMetrics::quantile(double share) const {
  const double wanted = share * static_cast<double>(calls);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + 1 < by_latency.size() && calls > 0; ++i) {
    sum += by_latency[i];
    if (static_cast<double>(sum) >= wanted) {
      return std::chrono::milliseconds(1U << i);
    }
  }
  return calls == 0 ? std::chrono::milliseconds(0)
                    : std::chrono::ceil<std::chrono::milliseconds>(longest);
}

ObservedStore::ObservedStore(std::unique_ptr<Store> inner, const Clock& clock)
    : inner_(std::move(inner)),
      clock_(clock) {}

StoreMetrics ObservedStore::metrics() const {
  const std::lock_guard lock(mutex_);
  return metrics_;
}

void ObservedStore::note(StoreOperation operation, TimePoint begun, bool ok,
                         const Traffic& traffic) {
  const std::chrono::nanoseconds took = clock_.now() - begun;
  std::size_t bucket = 0;
  while (bucket + 1 < StoreOperationMetrics::k_buckets &&
         milliseconds_of(took) >= (std::uint64_t{1} << bucket)) {
    ++bucket;
  }
  const std::lock_guard lock(mutex_);
  StoreOperationMetrics& metrics = metrics_[static_cast<std::size_t>(operation)];
  ++metrics.calls;
  metrics.failures += ok ? 0U : 1U;
  metrics.bytes_in += traffic.in;
  metrics.bytes_out += traffic.out;
  metrics.total += took;
  metrics.longest = std::max(metrics.longest, took);
  ++metrics.by_latency[bucket];
}

Result<void> ObservedStore::list(std::string_view prefix, const ObjectVisitor& visit,
                                 std::stop_token stop) {
  // What the visitor does with an object isn't the store's time.
  const TimePoint begun = clock_.now();
  Duration visiting{};
  auto result = inner_->list(
      prefix,
      [&](const ObjectInfo& info) {
        const TimePoint before = clock_.now();
        auto visited = visit(info);
        visiting += clock_.now() - before;
        return visited;
      },
      std::move(stop));
  note(StoreOperation::list, begun + visiting, result.ok(), {});
  return result;
}

Result<std::vector<Store::FolderEntry>> ObservedStore::list_folder(std::string_view prefix) {
  const TimePoint begun = clock_.now();
  auto result = inner_->list_folder(prefix);
  note(StoreOperation::list_folder, begun, result.ok(), {});
  return result;
}

Result<std::optional<ObjectInfo>> ObservedStore::find(std::string_view key) {
  const TimePoint begun = clock_.now();
  auto result = inner_->find(key);
  note(StoreOperation::find, begun, result.ok(), {});
  return result;
}

Result<bool> ObservedStore::get(std::string_view key, ByteRange range, const ObjectSink& sink,
                                std::stop_token stop) {
  const TimePoint begun = clock_.now();
  Traffic traffic;
  auto result = inner_->get(
      key, range,
      [&](std::span<const std::uint8_t> bytes) {
        traffic.in += bytes.size();
        return sink(bytes);
      },
      std::move(stop));
  note(StoreOperation::get, begun, result.ok(), traffic);
  return result;
}

Result<PutOutcome> ObservedStore::put_if_absent(std::string_view key, const ObjectSource& source,
                                                std::stop_token stop) {
  const TimePoint begun = clock_.now();
  auto result = inner_->put_if_absent(key, source, std::move(stop));
  const bool sent = result && *result == PutOutcome::created;
  note(StoreOperation::put_if_absent, begun, result.ok(), {.out = sent ? source.size() : 0});
  return result;
}

Result<PutOutcome> ObservedStore::put(std::string_view key, const ObjectSource& source,
                                      const std::optional<std::string>& expected_version) {
  const TimePoint begun = clock_.now();
  auto result = inner_->put(key, source, expected_version);
  const bool sent = result && *result == PutOutcome::created;
  note(StoreOperation::put, begun, result.ok(), {.out = sent ? source.size() : 0});
  return result;
}

Result<CopyOutcome> ObservedStore::copy_if_absent(std::string_view from, std::string_view to) {
  const TimePoint begun = clock_.now();
  auto result = inner_->copy_if_absent(from, to);
  note(StoreOperation::copy, begun, result.ok(), {});
  return result;
}

Result<void> ObservedStore::remove(std::string_view key) {
  const TimePoint begun = clock_.now();
  auto result = inner_->remove(key);
  note(StoreOperation::remove, begun, result.ok(), {});
  return result;
}

std::string show_store_metrics(const StoreMetrics& metrics) {
  std::string text;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const StoreOperationMetrics& m = metrics[i];
    if (m.calls == 0) {
      continue;
    }
    text += "store: " + std::string(k_names[i]) + " " + std::to_string(m.calls) + " calls, ";
    text += m.bytes_in == 0 ? "" : human_size(m.bytes_in) + " in, ";
    text += m.bytes_out == 0 ? "" : human_size(m.bytes_out) + " out, ";
    text += std::to_string(m.failures) + " failed, half within " +
            std::to_string(m.quantile(0.5).count()) + " ms, 99% within " +
            std::to_string(m.quantile(0.99).count()) + " ms, longest " +
            std::to_string(milliseconds_of(m.longest)) + " ms\n";
  }
  return text;
}

Json store_metrics_to_json(const StoreMetrics& metrics) {
  Json object = Json::object();
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const StoreOperationMetrics& m = metrics[i];
    if (m.calls == 0) {
      continue;
    }
    object.set(std::string(k_names[i]),
               Json::object({{"calls", m.calls},
                             {"failures", m.failures},
                             {"bytes_in", m.bytes_in},
                             {"bytes_out", m.bytes_out},
                             {"seconds", seconds_of(m.total)},
                             {"p50_ms", std::int64_t{m.quantile(0.5).count()}},
                             {"p99_ms", std::int64_t{m.quantile(0.99).count()}},
                             {"longest_ms", milliseconds_of(m.longest)}}));
  }
  return object;
}

}  // namespace athanor
