#include "coordinator/server/session_numbers.hpp"

#include "shared/base/check.hpp"

#include <sys/random.h>

namespace athanor::coordinator {

std::uint64_t unguessable_number() {
  std::uint64_t number = 0;
  while (number == 0) {
    ATHANOR_CHECK(getrandom(&number, sizeof number, 0) == sizeof number);
  }
  return number;
}

}  // namespace athanor::coordinator
