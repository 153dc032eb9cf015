#pragma once

#include <cstdint>

namespace athanor {

// A seeded generator (SplitMix64): the only source of chance in the program, always passed in, so
// that a simulation reproduces from its seed. Not for secrets. Not thread-safe.
class Random {
 public:
  explicit Random(std::uint64_t seed)
      : state_(seed) {}

  // Seeded by the operating system.
  static Random from_entropy();

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  // Uniform in [0, bound); 0 if bound is 0.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace athanor
