#include "shared/base/units.hpp"
#include "shared/store/open_store.hpp"
#include "tests/contract/store_contract.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

namespace athanor::test {
namespace {

class LocalUnderTest final : public StoreUnderTest {
 public:
  Store& store() override { return *store_; }
  std::unique_ptr<Store> another_client() override {
    return must(open_store((directory_ / "store").string(), CreateStore::no));
  }

 private:
  ScratchDir directory_;
  std::unique_ptr<Store> store_ =
      must(open_store((directory_ / "store").string(), CreateStore::yes));
};

class MemoryUnderTest final : public StoreUnderTest {
 public:
  Store& store() override { return store_; }
  std::unique_ptr<Store> another_client() override { return store_.another_client(); }

 private:
  MemoryStore store_;
};

INSTANTIATE_TEST_SUITE_P(
    Local, StoreContract,
    testing::Values(StoreKind{.name = "directory",
                              .make = [] { return std::make_unique<LocalUnderTest>(); },
                              .big_object_bytes = 5_MiB + 17},
                    StoreKind{.name = "memory",
                              .make = [] { return std::make_unique<MemoryUnderTest>(); },
                              .big_object_bytes = 1_MiB}),
    store_kind_name);

}  // namespace
}  // namespace athanor::test
