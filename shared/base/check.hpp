#pragma once

// A condition that only a mistake of ours can make false. It is checked in every build; when it
// fails, the process says where and aborts. Never for anything that comes from outside.
#define ATHANOR_CHECK(condition)                               \
  do {                                                         \
    if (!(condition)) [[unlikely]] {                           \
      ::athanor::check_failed(#condition, __FILE__, __LINE__); \
    }                                                          \
  } while (false)

namespace athanor {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace athanor
