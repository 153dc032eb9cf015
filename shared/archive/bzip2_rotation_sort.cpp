#include "shared/archive/bzip2_rotation_sort.hpp"

#include "shared/archive/bzip2_bits.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <cstring>

namespace athanor::bzip2 {
namespace {

// A group is first split by single bytes, without comparisons, until it is no larger than this.
constexpr std::size_t k_by_key = 256;
// From so many common bytes on ranks are compared instead of bytes.
constexpr std::size_t k_deep = 90;
static_assert(k_deep + RotationSorter::k_key_bytes < RotationSorter::k_smallest);
// How often each byte of the block pays for a member of a group that is looked at. Ordinary data
// needs one or two; beyond this the other method is faster.
constexpr std::size_t k_budget = 8;

}  // namespace

std::optional<std::uint32_t> RotationSorter::sort(std::span<const std::uint8_t> block,
                                                  std::size_t original,
                                                  std::vector<std::uint8_t>& last) {
  ATHANOR_CHECK(block.size() >= k_smallest);
  extend(block);
  count_kinds();
  lay_out();
  budget_ = k_budget * size_;
  groups_.clear();
  deep_groups_.clear();
  if (!sort_summits()) {
    return std::nullopt;
  }
  last.resize(size_);
  place_ascending();
  return place_descending(original, last);
}

void RotationSorter::extend(std::span<const std::uint8_t> block) {
  size_ = block.size();
  text_.resize(size_ + k_key_bytes);
  std::memcpy(text_.data(), block.data(), size_);
  for (std::size_t i = 0; i < k_key_bytes; ++i) {
    text_[size_ + i] = text_[i];
  }
  order_.resize(size_ + 1);
  summits_.clear();
  summits_.reserve(size_ / 2 + 1);
}

// A rotation is ascending if it is less than the next one, the one that begins a byte later. From
// right to left this is known from the first bytes and, if they are equal, from the next one. The
// last rotation is greater than the least one, with which the block begins.
void RotationSorter::count_kinds() {
  for (auto& counts : ascending_end_) {
    counts.fill(0);
  }
  for (auto& counts : summit_count_) {
    counts.fill(0);
  }
  bucket_.fill(0);
  ascending_begin_.fill(0);
  const std::uint8_t* const text = text_.data();
  std::size_t i = size_ - 1;
  std::uint8_t byte = text[i];
  ++ascending_begin_[byte];  // for now the number of descending ones
  while (i > 0) {
    // Descending ones, as far as they go.
    std::uint8_t next = byte;
    while (i > 0 && (byte = text[i - 1]) >= next) {
      ++ascending_begin_[byte];
      next = byte;
      --i;
    }
    if (i == 0) {
      break;
    }
    --i;
    summits_.push_back(static_cast<std::uint32_t>(i));
    ++summit_count_[next][byte];
    ++ascending_end_[next][byte];
    next = byte;
    while (i > 0 && (byte = text[i - 1]) <= next) {
      ++ascending_end_[next][byte];
      next = byte;
      --i;
    }
    if (i > 0) {
      --i;
      ++ascending_begin_[byte];
    }
  }
}

// In each bucket the descending rotations come first, then the ascending ones by their second byte.
void RotationSorter::lay_out() {
  std::uint32_t at = 0;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    bucket_[byte] = at;
    at += ascending_begin_[byte];
    ascending_begin_[byte] = at;
    for (std::size_t next = byte; next < 256; ++next) {
      at += ascending_end_[next][byte];
      ascending_end_[next][byte] = at;
    }
  }
  bucket_[256] = at;
  // What can't be ascending is written to a place that nobody reads.
  for (std::size_t next = 0; next < 256; ++next) {
    std::fill(ascending_end_[next].begin() + static_cast<std::ptrdiff_t>(next) + 1,
              ascending_end_[next].end(), static_cast<std::uint32_t>(size_ + 1));
  }
}

bool RotationSorter::sort_summits() {
  // Of the ascending ones with the same two bytes, summits are the least.
  std::uint32_t begin = 0;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    begin = ascending_begin_[byte];
    for (std::size_t next = byte; next < 256; ++next) {
      const std::uint32_t count = summit_count_[next][byte];
      summit_count_[next][byte] = begin;
      if (count > 1) {
        groups_.push_back({.first = begin, .count = count, .depth = 2});
      }
      begin = ascending_end_[next][byte];
    }
  }
  for (const std::uint32_t summit : summits_) {
    order_[summit_count_[text_[summit + 1]][text_[summit]]++] = summit;
  }
  while (!groups_.empty()) {
    const Group group = groups_.back();
    groups_.pop_back();
    if (!sort_group(group)) {
      return false;
    }
  }
  return sort_deep_groups();
}

bool RotationSorter::sort_group(const Group& group) {
  if (group.depth >= k_deep) {
    deep_groups_.push_back(group);
    return true;
  }
  if (group.count > budget_) {
    return false;
  }
  budget_ -= group.count;
  if (group.count == 2) {
    sort_pair(group);
  } else if (group.count > k_by_key) {
    split_by_byte(group);
  } else {
    split_by_key(group);
  }
  return true;
}

std::uint64_t RotationSorter::key_at(std::size_t place, std::size_t depth) const {
  const std::size_t at = place + depth;
  return load_big_endian(text_.data() + (at < size_ ? at : at - size_));
}

void RotationSorter::sort_pair(const Group& group) {
  std::uint32_t* const members = order_.data() + group.first;
  std::uint32_t depth = group.depth;
  while (depth < k_deep) {
    const std::uint64_t first = key_at(members[0], depth);
    const std::uint64_t second = key_at(members[1], depth);
    if (first != second) {
      if (first > second) {
        std::swap(members[0], members[1]);
      }
      return;
    }
    depth += k_key_bytes;
  }
  deep_groups_.push_back({.first = group.first, .count = group.count, .depth = depth});
}

void RotationSorter::split_by_byte(const Group& group) {
  const std::span<std::uint32_t> members(order_.data() + group.first, group.count);
  moved_.assign(members.begin(), members.end());
  std::array<std::uint32_t, 256> at{};
  const auto byte_of = [&](std::uint32_t place) {
    const std::size_t position = std::size_t{place} + group.depth;
    return text_[position < size_ ? position : position - size_];
  };
  for (const std::uint32_t place : moved_) {
    ++at[byte_of(place)];
  }
  std::uint32_t sum = 0;
  for (std::uint32_t& entry : at) {
    const std::uint32_t count = entry;
    entry = sum;
    if (count > 1) {
      groups_.push_back({.first = group.first + sum, .count = count, .depth = group.depth + 1});
    }
    sum += count;
  }
  for (const std::uint32_t place : moved_) {
    members[at[byte_of(place)]++] = place;
  }
}

void RotationSorter::split_by_key(const Group& group) {
  load_keys(group);
  const auto depth = static_cast<std::uint32_t>(group.depth + k_key_bytes);
  regroup(group, [&](std::uint32_t first, std::uint32_t count) {
    if (count > 1) {
      groups_.push_back({.first = first, .count = count, .depth = depth});
    }
  });
}

void RotationSorter::load_keys(const Group& group) {
  items_.resize(group.count);
  for (std::size_t i = 0; i < group.count; ++i) {
    const std::uint32_t place = order_[group.first + i];
    items_[i] = {.key = key_at(place, group.depth), .place = place};
  }
}

// From the greatest to the least: the one before an ascending rotation is ascending too if it
// begins with no greater byte, and the greatest of those not yet placed.
void RotationSorter::place_ascending() {
  const std::uint8_t* const text = text_.data();
  std::uint32_t* const order = order_.data();
  for (std::size_t byte = 256; byte-- > 0;) {
    std::uint32_t* const end = ascending_end_[byte].data();
    const std::uint32_t stop = ascending_begin_[byte];
    for (std::uint32_t row = bucket_[byte + 1]; row > stop;) {
      const std::uint32_t place = order[--row];
      if (place == 0) [[unlikely]] {
        continue;
      }
      const std::uint8_t before = text[place - 1];
      const std::uint32_t slot = end[before] - 1;
      // Without a branch, which nothing could predict.
      order[slot] = place - 1;
      end[before] = slot + (before <= byte ? 0U : 1U);
    }
  }
}

// From the least to the greatest: the one before a rotation is descending if it begins with a
// greater byte (or, before a descending one, with the same), and the least of those not yet placed.
// What is written in vain falls on rows that have been visited, or on the one behind the last.
std::uint32_t RotationSorter::place_descending(std::size_t original, std::span<std::uint8_t> last) {
  const std::uint8_t* const text = text_.data();
  std::uint32_t* const order = order_.data();
  std::array<std::uint32_t, 256> next{};
  std::copy_n(bucket_.begin(), next.size(), next.begin());
  order[next[text[size_ - 1]]++] = static_cast<std::uint32_t>(size_ - 1);
  std::uint32_t original_row = 0;
  const auto visit = [&](std::uint32_t from, std::uint32_t to, unsigned least_before) {
    for (std::uint32_t row = from; row < to; ++row) {
      const std::uint32_t place = order[row];
      if (place == original) [[unlikely]] {
        original_row = row;
      }
      if (place == 0) [[unlikely]] {
        last[row] = text[size_ - 1];
        continue;
      }
      const std::uint8_t before = text[place - 1];
      last[row] = before;
      const std::uint32_t slot = next[before];
      order[slot] = place - 1;
      next[before] = slot + (before >= least_before ? 1U : 0U);
    }
  };
  for (unsigned byte = 0; byte < 256; ++byte) {
    visit(bucket_[byte], ascending_begin_[byte], byte);
    visit(ascending_begin_[byte], bucket_[byte + 1], byte + 1);
  }
  return original_row;
}

}  // namespace athanor::bzip2
