#include "shared/archive/bzip2_block_encoder.hpp"

#include "shared/archive/bzip2_format.hpp"
#include "shared/archive/bzip2_move_to_front.hpp"

#include <algorithm>
#include <cstddef>

namespace athanor::bzip2 {
namespace {

constexpr std::uint16_t k_run_a = 0;
constexpr std::uint16_t k_run_b = 1;

// Writes the length of a run in digits of the values 1 and 2, the least significant first.
std::uint16_t* put_run(std::uint16_t* to, std::size_t run) {
  while (run > 0) {
    *to++ = (run & 1U) != 0 ? k_run_a : k_run_b;
    run = (run - 1) / 2;
  }
  return to;
}

// Code and length of each symbol of one table: code << 5 | length.
using PackedCodes = std::array<std::uint32_t, k_max_alphabet>;

PackedCodes assign_codes(std::span<const std::uint8_t> lengths) {
  PackedCodes codes{};
  std::uint32_t code = 0;
  for (unsigned length = 1; length <= k_written_code_length; ++length) {
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] == length) {
        codes[symbol] = code++ << 5U | length;
      }
    }
    code <<= 1U;
  }
  return codes;
}

}  // namespace

bool BlockEncoder::encode(std::span<const std::uint8_t> block, std::uint32_t crc, BitWriter& out) {
  const auto row = forward_.transform(block, column_);
  if (!row) {
    return false;
  }
  find_used(block);
  make_symbols();
  plan_.make(symbols_, values_ + 2);

  out.clear();
  out.put(k_block_magic >> 24U, 24);
  out.put(k_block_magic & 0xffffffU, 24);
  out.put(crc, 32);
  out.put(0, 1);  // not randomised
  out.put(*row, 24);
  write_used(out);
  out.put(plan_.tables(), 3);
  out.put(plan_.selectors().size(), 15);
  write_selectors(out);
  write_tables(out);
  write_symbols(out);
  out.flush();
  return true;
}

void BlockEncoder::find_used(std::span<const std::uint8_t> block) {
  used_.fill(false);
  for (const std::uint8_t byte : block) {
    used_[byte] = true;
  }
  values_ = static_cast<unsigned>(std::count(used_.begin(), used_.end(), true));
}

// Moves to front, writes runs of the front value as digits and ends with the end symbol.
void BlockEncoder::make_symbols() {
  std::array<std::uint8_t, 256> order{};
  std::size_t count = 0;
  for (std::size_t value = 0; value < used_.size(); ++value) {
    if (used_[value]) {
      order[count++] = static_cast<std::uint8_t>(value);
    }
  }
  MoveToFrontList list(order);
  symbols_.resize(column_.size() + 1);
  std::uint16_t* to = symbols_.data();
  std::size_t run = 0;
  for (const std::uint8_t value : column_) {
    if (value == list.front()) {
      ++run;
      continue;
    }
    to = put_run(to, run);
    run = 0;
    *to++ = static_cast<std::uint16_t>(list.move_value(value) + 1);
  }
  to = put_run(to, run);
  *to++ = static_cast<std::uint16_t>(values_ + 1);
  symbols_.resize(static_cast<std::size_t>(to - symbols_.data()));
}

void BlockEncoder::write_used(BitWriter& out) const {
  constexpr std::size_t k_range = 16;
  const auto any = [&](std::size_t range) {
    const auto begin = used_.begin() + static_cast<std::ptrdiff_t>(range * k_range);
    return std::find(begin, begin + k_range, true) != begin + k_range;
  };
  for (std::size_t range = 0; range < k_range; ++range) {
    out.put(any(range) ? 1 : 0, 1);
  }
  for (std::size_t range = 0; range < k_range; ++range) {
    for (std::size_t i = 0; i < k_range && any(range); ++i) {
      out.put(used_[range * k_range + i] ? 1 : 0, 1);
    }
  }
}

void BlockEncoder::write_selectors(BitWriter& out) const {
  std::array<std::uint8_t, k_max_tables> order{0, 1, 2, 3, 4, 5};
  for (const std::uint8_t selector : plan_.selectors()) {
    const auto at = std::find(order.begin(), order.end(), selector);
    const auto place = static_cast<unsigned>(at - order.begin());
    std::rotate(order.begin(), at, at + 1);
    out.put((std::uint64_t{2} << place) - 2, place + 1);  // so many ones, and a zero
  }
}

void BlockEncoder::write_tables(BitWriter& out) const {
  for (std::size_t table = 0; table < plan_.tables(); ++table) {
    const auto lengths = plan_.lengths(table);
    unsigned length = lengths[0];
    out.put(length, 5);
    for (const std::uint8_t wanted : lengths) {
      for (; length < wanted; ++length) {
        out.put(0b10, 2);
      }
      for (; length > wanted; --length) {
        out.put(0b11, 2);
      }
      out.put(0, 1);
    }
  }
}

void BlockEncoder::write_symbols(BitWriter& out) const {
  std::array<PackedCodes, k_max_tables> codes{};
  for (std::size_t table = 0; table < plan_.tables(); ++table) {
    codes[table] = assign_codes(plan_.lengths(table));
  }
  BitWriter::Burst burst(out, symbols_.size() * k_written_code_length);
  std::size_t at = 0;
  for (const std::uint8_t selector : plan_.selectors()) {
    const PackedCodes& table = codes[selector];
    const std::size_t end = std::min<std::size_t>(at + k_group_size, symbols_.size());
    for (; at < end; ++at) {
      const std::uint32_t packed = table[symbols_[at]];
      burst.put(packed >> 5U, packed & 31U);
    }
  }
}

}  // namespace athanor::bzip2
