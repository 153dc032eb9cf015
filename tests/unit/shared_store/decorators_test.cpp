#include "shared/store/observed_store.hpp"
#include "shared/store/open_store.hpp"
#include "tests/support/faulty_store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor::test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

ObjectSource bytes(std::string text) {
  return ObjectSource::from_bytes(std::move(text));
}

// A store that others may own, over one that the test owns.
std::unique_ptr<FaultyStore> in_front_of(Store& store) {
  return std::make_unique<FaultyStore>(store);
}

TEST(ObservedStoreTest, CallsBytesFailuresAndTimesAreCountedByOperation) {
  MemoryStore memory;
  ManualClock clock;
  auto faulty = in_front_of(memory);
  faulty->before([&](StoreCall call, std::string_view key) -> Result<void> {
    clock.advance(milliseconds(call == StoreCall::get ? 5 : 1));
    return key == "bad" ? Result<void>(make_error(ErrorKind::retry, "down")) : Result<void>();
  });
  ObservedStore store(std::move(faulty), clock);
  must(store.put_if_absent("k", bytes("0123456789"), {}));
  must(store.put_if_absent("k", bytes("0123456789"), {}));
  EXPECT_EQ(must(read_object(store, "k", 100)), "0123456789");
  EXPECT_FALSE(store.find("bad"));
  must(store.list("",
                  [&](const ObjectInfo&) -> Result<void> {
                    clock.advance(std::chrono::hours(1));  // the visitor's own time
                    return {};
                  },
                  {}));
  const StoreMetrics metrics = store.metrics();
  const auto of = [&](StoreOperation operation) {
    return metrics[static_cast<std::size_t>(operation)];
  };
  EXPECT_EQ(of(StoreOperation::put_if_absent).calls, 2U);
  EXPECT_EQ(of(StoreOperation::put_if_absent).bytes_out, 10U);  // the second sent nothing
  EXPECT_EQ(of(StoreOperation::get).bytes_in, 10U);
  EXPECT_EQ(of(StoreOperation::get).longest, milliseconds(5));
  EXPECT_EQ(of(StoreOperation::get).quantile(0.5), milliseconds(8));
  EXPECT_EQ(of(StoreOperation::find).failures, 1U);
  EXPECT_EQ(of(StoreOperation::list).total, milliseconds(1));
  EXPECT_EQ(of(StoreOperation::remove).quantile(0.5), milliseconds(0));
  EXPECT_THAT(show_store_metrics(metrics), HasSubstr("store: get 1 calls, 10 B in, 0 failed"));
  EXPECT_EQ(*store_metrics_to_json(metrics).find("find")->find("failures")->as_uint(), 1U);
}

class Limited : public testing::Test {
 protected:
  std::unique_ptr<Store> limited(const StoreLimits& limits) {
    return limit_store(in_front_of(memory), limits, clock,
                       [this](milliseconds pause, std::stop_token) -> Result<void> {
                         waited += pause;
                         clock.advance(pause);
                         return {};
                       });
  }

  MemoryStore memory;
  ManualClock clock;
  milliseconds waited{0};
};

TEST_F(Limited, RequestsPassAtTheRateAfterASecondsWorth) {
  const auto store = limited({.requests_per_second = 10});
  for (int i = 0; i < 110; ++i) {
    must(store->find("k"));
  }
  EXPECT_EQ(waited, milliseconds(11'000));  // the first has to wait for its own turn, too
  clock.advance(std::chrono::hours(1));
  waited = milliseconds(0);
  for (int i = 0; i < 10; ++i) {
    must(store->find("k"));
  }
  EXPECT_EQ(waited, milliseconds(0));  // a pause is worth a second, not an hour
  must(store->find("k"));
  EXPECT_EQ(waited, milliseconds(100));
}

TEST_F(Limited, BytesPassAtTheRateInBothDirections) {
  const auto store = limited({.bytes_per_second = 1000});
  must(store->put_if_absent("k", bytes(std::string(5000, 'x')), {}));
  EXPECT_EQ(waited, milliseconds(5000));
  must(read_object(*store, "k", 10'000));
  EXPECT_EQ(waited, milliseconds(10'000));
}

TEST_F(Limited, WithoutALimitThereIsNoDecorator) {
  auto inner = in_front_of(memory);
  const Store* raw = inner.get();
  EXPECT_EQ(limit_store(std::move(inner), {}, clock, {}).get(), raw);
}

TEST(ByteRateTest, RatesAreReadAndNonsenseIsRefused) {
  EXPECT_EQ(must(parse_byte_rate("500k", "--max-rate")), 512'000U);
  EXPECT_EQ(must(parse_byte_rate("20M", "--max-rate")), 20U << 20U);
  EXPECT_EQ(must(parse_byte_rate("7", "--max-rate")), 7U);
  for (const char* text : {"", "x", "0", "-1", "5x", "99999999999999999999G", "5kk"}) {
    const auto rate = parse_byte_rate(text, "--max-rate");
    ASSERT_FALSE(rate) << text;
    EXPECT_THAT(rate.error().message, HasSubstr("--max-rate"));
  }
}

TEST(OpenStoreTest, LimitsAreTakenFromAnyUrlAndNonsenseIsRefused) {
  const ScratchDir directory;
  const std::string url = "file://" + directory.path().string();
  EXPECT_TRUE(open_store(url + "?max_requests=50&max_rate=20M", CreateStore::no));
  for (const char* bad : {"?max_requests=0", "?max_requests=many", "?max_rate=", "?max_rate=1x"}) {
    const auto store = open_store(url + bad, CreateStore::no);
    ASSERT_FALSE(store) << bad;
    EXPECT_EQ(store.error().kind, ErrorKind::invalid) << bad;
  }
}

}  // namespace
}  // namespace athanor::test
