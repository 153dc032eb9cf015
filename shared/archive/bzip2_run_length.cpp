#include "shared/archive/bzip2_run_length.hpp"

#include "shared/archive/bzip2_bits.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace athanor::bzip2 {
namespace {

// The first i in [from, end - 4] where four equal bytes stand; `end` if there is none.
std::size_t find_run(const std::uint8_t* bytes, std::size_t from, std::size_t end) {
  constexpr std::uint64_t k_low_bits = 0x7f7f7f7f7f7f7f7fU;
  // Six positions at once: equal neighbours are zero bytes of the difference, and three of these in
  // a row are a run.
  for (; from + 9 <= end; from += 6) {
    const std::uint64_t difference =
        load_little_endian(bytes + from) ^ load_little_endian(bytes + from + 1);
    const std::uint64_t equal =
        ~(((difference & k_low_bits) + k_low_bits) | difference | k_low_bits);
    const std::uint64_t run = equal & (equal >> 8U) & (equal >> 16U);
    if (run != 0) {
      return from + (static_cast<unsigned>(std::countr_zero(run)) >> 3U);
    }
  }
  for (; from + 4 <= end; ++from) {
    if (bytes[from] == bytes[from + 1] && bytes[from] == bytes[from + 2] &&
        bytes[from] == bytes[from + 3]) {
      return from;
    }
  }
  return end;
}

// What bzip2 itself writes at most, though 259 could be said.
constexpr std::size_t k_longest_run = 255;
constexpr std::size_t k_plain_run = 4;  // written as it is; the number of further ones follows

}  // namespace

void RunLengthExpander::reset(std::span<const std::uint8_t> block) {
  *this = {};
  block_ = block;
}

std::size_t RunLengthExpander::expand(std::span<std::uint8_t> out) {
  std::size_t made = 0;
  while (made < out.size()) {
    if (repeats_ > 0) {
      const std::size_t count = std::min(repeats_, out.size() - made);
      std::memset(out.data() + made, repeated_, count);
      repeats_ -= count;
      made += count;
      continue;
    }
    if (at_ == block_.size()) {
      break;
    }
    // Up to three bytes of a run may have been written by an earlier call.
    const std::size_t from = std::max(run_floor_, at_ - std::min<std::size_t>(at_, 3));
    const std::size_t end = at_ + std::min(out.size() - made, block_.size() - at_);
    const std::size_t run = find_run(block_.data(), from, end);
    const std::size_t literals_end = run == end ? end : run + 4;
    std::memcpy(out.data() + made, block_.data() + at_, literals_end - at_);
    made += literals_end - at_;
    at_ = literals_end;
    if (run == end) {
      continue;
    }
    if (at_ == block_.size()) {
      dangling_ = true;
      break;
    }
    repeated_ = block_[run];
    repeats_ = block_[at_++];
    run_floor_ = at_;
  }
  return made;
}

RunLengthPacker::RunLengthPacker(std::size_t block_size)
    : full_(block_size - 2 * (k_plain_run + 1)),
      block_(block_size) {}

std::size_t RunLengthPacker::pack(std::span<const std::uint8_t> in) {
  std::size_t taken = 0;
  while (taken < in.size()) {
    const std::uint8_t value = in[taken];
    if (value == value_ && run_ > 0 && run_ < k_longest_run) {
      if (run_ < k_plain_run) {
        block_[size_++] = value;
      }
      ++run_;
      ++taken;
      continue;
    }
    end_run();
    if (size_ >= full_) {
      break;
    }
    taken += copy_literals(in.subspan(taken));
  }
  return taken;
}

// Takes everything before the next run of four, or one byte if that run stands at the front.
std::size_t RunLengthPacker::copy_literals(std::span<const std::uint8_t> in) {
  const std::size_t end = std::min(in.size(), full_ - size_);
  const std::size_t count = std::max<std::size_t>(find_run(in.data(), 0, end), 1);
  std::memcpy(block_.data() + size_, in.data(), count);
  size_ += count;
  value_ = in[count - 1];
  run_ = 1;
  while (run_ < count && in[count - 1 - run_] == value_) {
    ++run_;
  }
  return count;
}

void RunLengthPacker::end_run() {
  if (run_ >= k_plain_run) {
    block_[size_++] = static_cast<std::uint8_t>(run_ - k_plain_run);
  }
  run_ = 0;
}

void RunLengthPacker::take(std::vector<std::uint8_t>& block) {
  end_run();
  block.assign(block_.begin(), block_.begin() + static_cast<std::ptrdiff_t>(size_));
  size_ = 0;
}

}  // namespace athanor::bzip2
