// What RotationSorter does with groups that have many bytes in common.

#include "shared/archive/bzip2_rotation_sort.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace athanor::bzip2 {

// Groups whose members are equal for many bytes. Each round compares what stands behind these; as
// the groups found there have as much in common at least, a round doubles it. Where text repeats
// itself, many groups stand one behind the other in it, and from right to left one tells the next
// one apart in the same round.
bool RotationSorter::sort_deep_groups() {
  if (deep_groups_.empty()) {
    return true;
  }
  rank_summits();
  std::vector<std::pair<std::uint32_t, Group>> ordered;
  ordered.reserve(deep_groups_.size());
  for (const Group& group : deep_groups_) {
    const auto first = order_.begin() + group.first;
    ordered.emplace_back(*std::min_element(first, first + group.count), group);
  }
  std::sort(ordered.begin(), ordered.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Group> round;
  for (const auto& [place, group] : ordered) {
    round.push_back(group);
  }
  while (!round.empty()) {
    deep_groups_.clear();
    const auto shallowest =
        std::min_element(round.begin(), round.end(),
                         [](const Group& a, const Group& b) { return a.depth < b.depth; });
    const std::size_t common = shallowest->depth;
    for (const Group& group : round) {
      if (group.depth >= size_) {
        continue;  // equal all around: a periodic block, where any order will do
      }
      if (group.count > budget_) {
        return false;
      }
      budget_ -= group.count;
      split_deep(group, common);
    }
    round.swap(deep_groups_);
  }
  deep_groups_.clear();
  return true;
}

void RotationSorter::rank_summits() {
  is_summit_.assign(size_ / 64 + 1, 0);
  for (const std::uint32_t summit : summits_) {
    is_summit_[summit / 64] |= std::uint64_t{1} << (summit % 64);
  }
  ranks_.resize(size_ / 2 + 1);
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::uint32_t row = ascending_begin_[byte];
    for (std::size_t next = byte; next < 256; ++next) {
      for (; row < summit_count_[next][byte]; ++row) {
        ranks_[order_[row] / 2] = row;
      }
      row = ascending_end_[next][byte];
    }
  }
  for (const Group& group : deep_groups_) {
    for (std::uint32_t i = 0; i < group.count; ++i) {
      ranks_[order_[group.first + i] / 2] = group.first;
    }
  }
}

// The last summit before `place`; behind the beginning the end of the block follows. There is one.
std::size_t RotationSorter::last_summit_before(std::size_t place) const {
  std::size_t word = place / 64;
  std::uint64_t bits = is_summit_[word] & ((std::uint64_t{1} << (place % 64)) - 1);
  while (bits == 0) {
    word = word == 0 ? is_summit_.size() - 1 : word - 1;
    bits = is_summit_[word];
  }
  return word * 64 + 63 - static_cast<std::size_t>(std::countl_zero(bits));
}

// How far from each member of the group its last summit is that is one for all of them. The bytes
// that make it one must be among those that they have in common; these end no later than the summit
// after it. 0 if there is none.
std::size_t RotationSorter::common_summit(const Group& group) const {
  const std::size_t place = order_[group.first];
  const std::size_t end = place + group.depth - 1;
  const std::size_t after = last_summit_before(end < size_ ? end : end - size_);
  if (after == place) {
    return 0;
  }
  const std::size_t summit = last_summit_before(after);
  return summit >= place ? summit - place : summit + size_ - place;
}

void RotationSorter::split_deep(const Group& group, std::size_t common) {
  const std::size_t distance = common_summit(group);
  const auto depth =
      static_cast<std::uint32_t>(distance == 0 ? group.depth + k_key_bytes : distance + common);
  if (distance > 0 && group.count == 2) {
    split_deep_pair(group, distance, depth);
    return;
  }
  if (distance == 0) {
    load_keys(group);
  } else {
    load_ranks(group, distance);
  }
  regroup(group, [&](std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      ranks_[order_[first + i] / 2] = first;
    }
    if (count > 1) {
      deep_groups_.push_back({.first = first, .count = count, .depth = depth});
    }
  });
}

void RotationSorter::split_deep_pair(const Group& group, std::size_t distance,
                                     std::uint32_t depth) {
  std::uint32_t* const members = order_.data() + group.first;
  const auto rank_behind = [&](std::uint32_t place) {
    const std::size_t at = place + distance;
    return ranks_[(at < size_ ? at : at - size_) / 2];
  };
  const std::uint32_t first = rank_behind(members[0]);
  const std::uint32_t second = rank_behind(members[1]);
  if (first == second) {
    deep_groups_.push_back({.first = group.first, .count = 2, .depth = depth});
    return;
  }
  if (first > second) {
    std::swap(members[0], members[1]);
  }
  ranks_[members[1] / 2] = group.first + 1;
}

void RotationSorter::load_ranks(const Group& group, std::size_t distance) {
  items_.resize(group.count);
  for (std::size_t i = 0; i < group.count; ++i) {
    const std::uint32_t place = order_[group.first + i];
    const std::size_t at = place + distance;
    items_[i] = {.key = ranks_[(at < size_ ? at : at - size_) / 2], .place = place};
  }
}

}  // namespace athanor::bzip2
