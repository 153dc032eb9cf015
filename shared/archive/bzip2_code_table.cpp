#include "shared/archive/bzip2_code_table.hpp"

#include <algorithm>

namespace athanor::bzip2 {
namespace {

constexpr std::uint32_t k_has_value = 0x200;

}  // namespace

void CodeTable::build(std::span<const std::uint8_t> lengths) {
  end_symbol_ = static_cast<unsigned>(lengths.size()) - 1;
  assign_codes(lengths);
  if (usable_) {
    fill_steps();
  }
}

void CodeTable::assign_codes(std::span<const std::uint8_t> lengths) {
  std::array<std::uint32_t, k_max_code_length + 2> first{};  // index in sorted_ of each length
  for (const std::uint8_t length : lengths) {
    ++first[length + 1U];
  }
  for (std::size_t length = 1; length < first.size(); ++length) {
    first[length] += first[length - 1];
  }
  auto next = first;
  for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
    sorted_[next[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
  }

  single_.fill(0);
  std::uint32_t code = 0;
  for (unsigned length = 1; length <= k_max_code_length; ++length) {
    const std::uint32_t count = first[length + 1] - first[length];
    code <<= 1U;
    base_[length] = code - first[length];
    for (std::uint32_t k = 0; k < count && length <= k_lookup_bits; ++k) {
      const std::size_t width = std::size_t{1} << (k_lookup_bits - length);
      const std::size_t from = (code + k) * width;
      if (from + width > single_.size()) {
        usable_ = false;
        return;
      }
      const auto entry =
          static_cast<std::uint16_t>(unsigned{sorted_[first[length] + k]} << 5U | length);
      std::fill_n(single_.begin() + static_cast<std::ptrdiff_t>(from), width, entry);
    }
    code += count;
    limit_[length] = code << (k_max_code_length - length);
  }
  usable_ = code <= (1U << k_max_code_length);
}

void CodeTable::fill_steps() {
  constexpr unsigned k_mask = (1U << k_lookup_bits) - 1;
  for (unsigned index = 0; index <= k_mask; ++index) {
    unsigned used = 0;
    unsigned digits = 0;
    std::uint32_t run = 0;
    std::uint32_t value = 0;
    while (true) {
      const unsigned entry = single_[(index << used) & k_mask];
      const unsigned length = entry & 31U;
      const unsigned symbol = entry >> 5U;
      if (length == 0 || used + length > k_lookup_bits || symbol == end_symbol_) {
        break;
      }
      if (symbol > 1) {
        used += length;
        value = (symbol - 1) << 24U | k_has_value | 1U << 5U;
        break;
      }
      if (digits == k_max_digits) {
        break;
      }
      used += length;
      run += (symbol + 1) << digits;
      ++digits;
    }
    steps_[index] = (value + (digits << 5U)) | used | digits << 12U | run << 16U;
  }
}

CodeTable::Symbol CodeTable::symbol(std::uint64_t next_bits) const {
  const unsigned entry = single_[next_bits >> (64U - k_lookup_bits)];
  if (entry != 0) {
    return {.symbol = entry >> 5U, .bits = entry & 31U};
  }
  const auto front = static_cast<std::uint32_t>(next_bits >> (64U - k_max_code_length));
  for (unsigned length = k_lookup_bits + 1; length <= k_max_code_length; ++length) {
    if (front < limit_[length]) {
      const std::uint32_t code = front >> (k_max_code_length - length);
      return {.symbol = sorted_[code - base_[length]], .bits = length};
    }
  }
  return {};
}

}  // namespace athanor::bzip2
