#include "shared/base/random.hpp"

#include <random>

namespace athanor {

Random Random::from_entropy() {
  std::random_device device;
  return Random((static_cast<std::uint64_t>(device()) << 32U) | device());
}

}  // namespace athanor
