#pragma once

#include "shared/base/result.hpp"

#include <stdexcept>
#include <utility>

namespace athanor::test {

// The value of a Result that the test takes for granted; the test fails with the error's text
// otherwise (GoogleTest reports what is thrown).
template <typename T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().to_string());
  }
  return std::move(result).value();
}

inline void must(Result<void> result) {
  if (!result) {
    throw std::runtime_error(result.error().to_string());
  }
}

}  // namespace athanor::test
