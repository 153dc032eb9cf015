#pragma once

#include "shared/archive/bzip2_format.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace athanor::bzip2 {

// One prefix code, prepared for decoding. A look-up with the next bits gives a *step*: all the run
// digits that stand there and the symbol after them, which is what most of the data consists of.
// Codes that are longer than the look-up go through `long_symbol`.
class CodeTable {
 public:
  static constexpr unsigned k_lookup_bits = 11;
  static constexpr unsigned k_max_digits =
      7;  // in one step, so that a run's value fits into 8 bits

  // What the next k_lookup_bits bits mean; fields from the least significant bit:
  //   5 bits  how many bits the step takes; 0: nothing known, decode one symbol by `long_symbol`
  //   4 bits  how many symbols it has: digits and, if it ends with one, the symbol
  //   1 bit   it ends with a symbol that is neither a run digit nor the end of the block
  //   (6 unused)
  //   4 bits  run digits, 4 unused... see the accessors
  struct Step {
    std::uint32_t packed = 0;

    unsigned bits() const { return packed & 31U; }
    unsigned symbols() const { return (packed >> 5U) & 15U; }
    bool has_value() const { return (packed & 0x200U) != 0; }
    unsigned digits() const { return (packed >> 12U) & 7U; }
    std::uint32_t run() const { return (packed >> 16U) & 255U; }
    unsigned value_position() const { return packed >> 24U; }
  };

  struct Symbol {
    unsigned symbol = 0;
    unsigned bits = 0;  // 0: no code begins like this
  };

  // `lengths` of 1 to 20 bits each, one for each symbol of the alphabet. A set of lengths that no
  // prefix code can have makes a table that isn't usable().
  void build(std::span<const std::uint8_t> lengths);

  bool usable() const { return usable_; }
  Step step(std::uint64_t next_bits) const { return {steps_[next_bits >> (64U - k_lookup_bits)]}; }
  // Decodes one symbol of any length; next_bits are left-aligned.
  Symbol symbol(std::uint64_t next_bits) const;

 private:
  void assign_codes(std::span<const std::uint8_t> lengths);
  void fill_steps();

  bool usable_ = false;
  unsigned end_symbol_ = 0;
  // Of each length: the first 20-bit value beyond its codes, and what to subtract from a code to
  // get its index in sorted_.
  std::array<std::uint32_t, k_max_code_length + 1> limit_{};
  std::array<std::uint32_t, k_max_code_length + 1> base_{};
  std::array<std::uint16_t, k_max_alphabet> sorted_{};  // symbols by length, then by value
  // symbol << 5 | length of the code that stands at the front of the index; 0 if it is longer.
  std::array<std::uint16_t, std::size_t{1} << k_lookup_bits> single_{};
  std::array<std::uint32_t, std::size_t{1} << k_lookup_bits> steps_{};
};

}  // namespace athanor::bzip2
