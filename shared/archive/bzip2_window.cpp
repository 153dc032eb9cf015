#include "shared/archive/bzip2_window.hpp"

#include "shared/archive/bzip2_format.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace athanor::bzip2 {
namespace {

constexpr std::size_t k_read_size = 256 * 1024;

// One bit for each pair of bytes: whether it can stand inside a magic. However a magic is shifted,
// it covers the five bytes behind the one in which it begins, so that four pairs of it begin one
// byte after another, and looking at every fourth pair finds it.
constexpr std::size_t k_pairs = 4;
using PairSet = std::array<std::uint64_t, 65536 / 64>;

constexpr PairSet make_pair_set() {
  PairSet set{};
  for (const std::uint64_t magic : {k_block_magic, k_end_magic}) {
    for (unsigned shift = 0; shift < 8; ++shift) {
      for (std::size_t pair = 0; pair < k_pairs; ++pair) {
        const unsigned first_bit = 8 - shift + 8 * static_cast<unsigned>(pair);
        const std::uint64_t value = magic >> (k_magic_bits - 16 - first_bit) & 0xffffU;
        set[value / 64] |= std::uint64_t{1} << (value % 64);
      }
    }
  }
  return set;
}

constexpr PairSet k_pair_set = make_pair_set();

bool may_be_inside(const std::uint8_t* at) {
  const std::size_t pair = std::size_t{at[0]} << 8U | at[1];
  return (k_pair_set[pair / 64] >> (pair % 64) & 1U) != 0;
}

std::optional<Magic> magic_at(std::span<const std::uint8_t> bytes, std::uint64_t bit) {
  if (bit + k_magic_bits > bytes.size() * 8) {
    return std::nullopt;
  }
  const std::uint64_t word = load_big_endian(bytes.data() + (bit >> 3U)) << (bit & 7U);
  const std::uint64_t value = word >> (64U - k_magic_bits);
  if (value == k_block_magic || value == k_end_magic) {
    return Magic{.bit = bit, .is_block = value == k_block_magic};
  }
  return std::nullopt;
}

}  // namespace

Window::Window(ByteSource& source, std::size_t capacity)
    : source_(source),
      capacity_(capacity) {}

Result<void> Window::fill(std::uint64_t end) {
  while (!ended_ && this->end() < end) {
    ATHANOR_ASSIGN(const bool more, fill_some());
    ATHANOR_CHECK(more || ended_);
  }
  return {};
}

Result<bool> Window::fill_some() {
  if (ended_ || used_ - begin_ >= capacity_) {
    return false;
  }
  if (used_ + k_read_size + k_input_padding > bytes_.size()) {
    if (begin_ > 0 && begin_ >= used_ - begin_) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, used_ - begin_);
      base_ += begin_;
      used_ -= begin_;
      begin_ = 0;
    }
    bytes_.resize(std::max(bytes_.size(), used_ + 2 * k_read_size + k_input_padding));
  }
  ATHANOR_ASSIGN(const std::size_t count,
                 source_.read(std::span(bytes_).subspan(used_, k_read_size)));
  ATHANOR_CHECK(count <= k_read_size);
  ended_ = count == 0;
  used_ += count;
  std::memset(bytes_.data() + used_, 0, k_input_padding);
  return !ended_;
}

void Window::discard(std::uint64_t begin) {
  ATHANOR_CHECK(begin >= base_ + begin_ && begin <= end());
  begin_ = begin - base_;
}

std::span<const std::uint8_t> Window::from(std::uint64_t begin) const {
  ATHANOR_CHECK(begin >= base_ && begin <= end());
  return std::span(bytes_).first(used_).subspan(begin - base_);
}

std::optional<Magic> find_magic(std::span<const std::uint8_t> bytes, std::uint64_t from) {
  // A magic that begins in byte b covers b + 1 to b + 5.
  std::size_t at = (from >> 3U) + 1;
  for (; at + 1 < bytes.size(); at += k_pairs) {
    if (!may_be_inside(bytes.data() + at)) [[likely]] {
      continue;
    }
    // The pair is the first to the fourth one of the magic, which begins up to four bytes earlier.
    const std::uint64_t last = std::uint64_t{at} * 8;
    const std::uint64_t reach = 8 * k_pairs;
    for (std::uint64_t bit = std::max(from, last - std::min(last, reach)); bit < last; ++bit) {
      if (const auto magic = magic_at(bytes, bit)) {
        return magic;
      }
    }
  }
  return std::nullopt;
}

}  // namespace athanor::bzip2
