#pragma once

#include "shared/store/store.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

namespace athanor::test {

// An empty store to be tried, gone with the object.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  // Another client of the same store, as another machine would open it.
  virtual std::unique_ptr<Store> another_client() = 0;
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
  std::size_t big_object_bytes = 0;  // more than the backend sends in one piece
};

// For GoogleTest's messages.
inline std::ostream& operator<<(std::ostream& out, const StoreKind& kind) {
  return out << kind.name;
}

inline std::string store_kind_name(const testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

// Every test of store_contract_test.cpp runs for each kind that a program instantiates:
//   INSTANTIATE_TEST_SUITE_P(Local, StoreContract, testing::Values(...), store_kind_name);
class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }
  Store& store() { return under_test_->store(); }
  StoreUnderTest& under_test() { return *under_test_; }

 private:
  std::unique_ptr<StoreUnderTest> under_test_;
};

}  // namespace athanor::test
