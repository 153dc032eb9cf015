#include "shared/os/descriptors.hpp"

#include <sys/resource.h>

namespace athanor {

std::size_t descriptor_limit() {
  constexpr std::size_t k_usual = 1'024;
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : k_usual;
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);  // where that isn't allowed, the old one stays
  }
  return descriptor_limit();
}

}  // namespace athanor
