#include "shared/base/clock.hpp"
#include "shared/base/strings.hpp"
#include "shared/store/observed_store.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <mutex>
#include <utility>

namespace athanor {
namespace {

// Lets so many units pass in a second, all threads together; who is early waits. A second's worth
// may pass at once after a pause, so that small things aren't slowed.
class Valve {
 public:
  Valve(std::uint64_t per_second, const Clock& clock, Sleeper sleeper)
      : per_second_(per_second),
        clock_(clock),
        sleeper_(std::move(sleeper)),
        next_(clock.now()) {}

  // canceled: a stop is requested while it waits.
  Result<void> pass(std::uint64_t units, const std::stop_token& stop) {
    if (per_second_ == 0) {
      return {};
    }
    const auto cost = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
        static_cast<double>(units) / static_cast<double>(per_second_)));
    const TimePoint now = clock_.now();
    TimePoint mine;
    {
      const std::lock_guard lock(mutex_);
      next_ = std::max(next_, now - std::chrono::seconds(1)) + cost;
      mine = next_;
    }
    return mine <= now ? Result<void>()
                       : sleeper_(std::chrono::ceil<std::chrono::milliseconds>(mine - now), stop);
  }

 private:
  const std::uint64_t per_second_;
  const Clock& clock_;
  const Sleeper sleeper_;
  std::mutex mutex_;
  TimePoint next_;  // guarded by mutex_: when the units that have passed are paid for
};

class LimitedStore final : public Store {
 public:
  LimitedStore(std::unique_ptr<Store> inner, const StoreLimits& limits, const Clock& clock,
               const Sleeper& sleeper)
      : inner_(std::move(inner)),
        requests_(limits.requests_per_second, clock, sleeper),
        bytes_(limits.bytes_per_second, clock, sleeper) {}

  const std::string& url() const override { return inner_->url(); }
  bool cheap_lookups() const override { return inner_->cheap_lookups(); }
  Result<bool> creates_conditionally() override { return inner_->creates_conditionally(); }

  Result<void> list(std::string_view prefix, const ObjectVisitor& visit,
                    std::stop_token stop) override {
    constexpr std::uint64_t k_page = 1'000;
    std::uint64_t listed = 0;
    ATHANOR_TRY(requests_.pass(1, stop));
    return inner_->list(
        prefix,
        [&](const ObjectInfo& info) -> Result<void> {
          if (++listed % k_page == 0) {
            ATHANOR_TRY(requests_.pass(1, stop));
          }
          return visit(info);
        },
        stop);
  }
  Result<std::vector<FolderEntry>> list_folder(std::string_view prefix) override {
    ATHANOR_TRY(requests_.pass(1, {}));
    return inner_->list_folder(prefix);
  }
  Result<std::optional<ObjectInfo>> find(std::string_view key) override {
    ATHANOR_TRY(requests_.pass(1, {}));
    return inner_->find(key);
  }
  Result<bool> get(std::string_view key, ByteRange range, const ObjectSink& sink,
                   std::stop_token stop) override {
    ATHANOR_TRY(requests_.pass(1, stop));
    return inner_->get(
        key, range,
        [&](std::span<const std::uint8_t> bytes) -> Result<void> {
          ATHANOR_TRY(bytes_.pass(bytes.size(), stop));
          return sink(bytes);
        },
        stop);
  }
  // A put's bytes are waited for before it begins: whoever sends them can't be slowed from here.
  Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                   std::stop_token stop) override {
    ATHANOR_TRY(requests_.pass(1, stop));
    ATHANOR_TRY(bytes_.pass(source.size(), stop));
    return inner_->put_if_absent(key, source, stop);
  }
  Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                         const std::optional<std::string>& expected_version) override {
    ATHANOR_TRY(requests_.pass(1, {}));
    ATHANOR_TRY(bytes_.pass(source.size(), {}));
    return inner_->put(key, source, expected_version);
  }
  Result<CopyOutcome> copy_if_absent(std::string_view from, std::string_view to) override {
    ATHANOR_TRY(requests_.pass(1, {}));
    return inner_->copy_if_absent(from, to);
  }
  Result<void> remove(std::string_view key) override {
    ATHANOR_TRY(requests_.pass(1, {}));
    return inner_->remove(key);
  }

 private:
  const std::unique_ptr<Store> inner_;
  Valve requests_;
  Valve bytes_;
};

}  // namespace

Result<std::uint64_t> parse_byte_rate(std::string_view text, std::string_view option) {
  std::uint64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  const std::string unit = to_lower(std::string_view(end, static_cast<std::size_t>(last - end)));
  const unsigned shift = unit.empty()  ? 0
                         : unit == "k" ? 10
                         : unit == "m" ? 20
                         : unit == "g" ? 30
                                       : 64;
  constexpr std::uint64_t k_most = std::uint64_t{1} << 30U;
  if (error != std::errc() || shift == 64 || number == 0 || (shift > 0 && number > k_most)) {
    return make_error(
        ErrorKind::invalid,
        std::string(option) + ": '" + printable(text, 64) + "' is no number of bytes a second",
        "write it as 500k, 20M or 1G");
  }
  return number << shift;
}

Result<std::uint64_t> parse_request_rate(std::string_view text, std::string_view option) {
  std::uint64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc() || end != last || number == 0) {
    return make_error(ErrorKind::invalid, std::string(option) + ": '" + printable(text, 64) +
                                              "' is no number of requests a second");
  }
  return number;
}

std::unique_ptr<Store> limit_store(std::unique_ptr<Store> inner, const StoreLimits& limits,
                                   const Clock& clock, const Sleeper& sleeper) {
  if (limits.requests_per_second == 0 && limits.bytes_per_second == 0) {
    return inner;
  }
  return std::make_unique<LimitedStore>(std::move(inner), limits, clock, sleeper);
}

}  // namespace athanor
