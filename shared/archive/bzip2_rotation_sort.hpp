#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace athanor::bzip2 {

// Sorts the rotations of a block, fast if it is ordinary data; gives up on data that does hardly
// anything but repeat itself.
//
// Only one rotation in four is compared with others at all: those that begin with a smaller byte
// before a greater one before a smaller one ("summits" below). They are sorted by eight bytes at a
// time, kept beside their place, so that most comparisons need no look into the data. Those that
// have many bytes in common are then told apart by the order of summits further on, which is known
// by then, since they are told apart from right to left; if not, another round doubles what has
// been compared. From the order of the summits follows that of the others in two passes, as in the
// two-stage sort of Itoh and Tanaka: a rotation whose successor is in place goes to the next free
// place of its own bucket.
//
// Scratch memory of about 14 MB at the largest block size; not thread-safe.
class RotationSorter {
 public:
  static constexpr std::size_t k_smallest = 1024;
  static constexpr std::size_t k_key_bytes = 8;  // compared at once

  // `block`, of k_smallest bytes or more, must begin with its least rotation. `last` becomes the
  // last column of the sorted rotations; the result is the row of the rotation that begins at
  // `original`. Empty if the data would take too long: use another method then.
  std::optional<std::uint32_t> sort(std::span<const std::uint8_t> block, std::size_t original,
                                    std::vector<std::uint8_t>& last);

 private:
  struct Item {
    std::uint64_t key = 0;
    std::uint32_t place = 0;
  };
  struct Group {
    std::uint32_t first = 0;  // in order_
    std::uint32_t count = 0;
    std::uint32_t depth = 0;  // how many bytes its members have in common
  };

  void extend(std::span<const std::uint8_t> block);
  void count_kinds();
  void lay_out();
  bool sort_summits();
  bool sort_group(const Group& group);
  void sort_pair(const Group& group);
  void split_by_byte(const Group& group);
  void split_by_key(const Group& group);
  void load_keys(const Group& group);
  void load_ranks(const Group& group, std::size_t distance);
  template <typename Function>
  void regroup(const Group& group, Function&& each);
  bool sort_deep_groups();
  void rank_summits();
  std::size_t common_summit(const Group& group) const;
  std::size_t last_summit_before(std::size_t place) const;
  void split_deep(const Group& group, std::size_t common);
  void split_deep_pair(const Group& group, std::size_t distance, std::uint32_t depth);
  void place_ascending();
  std::uint32_t place_descending(std::size_t original, std::span<std::uint8_t> last);
  std::uint64_t key_at(std::size_t place, std::size_t depth) const;

  std::size_t size_ = 0;
  std::vector<std::uint8_t> text_;    // the block and, so that keys can be loaded, its beginning
  std::vector<std::uint32_t> order_;  // where the sorted rotations begin; one more for what is cast
  std::vector<std::uint32_t> summits_;
  std::vector<std::uint32_t> moved_;  // while a group is split
  std::vector<Item> items_;
  std::vector<Group> groups_;       // still to be sorted
  std::vector<Group> deep_groups_;  // still to be sorted, by rank
  // Of each summit, by its place halved (no two are neighbours): where its group is in order_.
  std::vector<std::uint32_t> ranks_;
  std::vector<std::uint64_t> is_summit_;  // one bit for each place
  std::size_t budget_ = 0;                // how many more members may be looked at

  // Of rotations that begin with byte a and then b ([b][a]): where those of ascending ones end that
  // are not placed yet. Of each first byte: where its bucket begins, and where its ascending ones
  // do.
  std::array<std::array<std::uint32_t, 256>, 256> ascending_end_{};
  std::array<std::array<std::uint32_t, 256>, 256> summit_count_{};
  std::array<std::uint32_t, 257> bucket_{};
  std::array<std::uint32_t, 256> ascending_begin_{};
};

// Sorts the group by the keys that have been loaded, and calls each(first, count) for the parts of
// equal ones.
template <typename Function>
void RotationSorter::regroup(const Group& group, Function&& each) {
  std::sort(items_.begin(), items_.end(),
            [](const Item& a, const Item& b) { return a.key < b.key; });
  std::uint32_t* const members = order_.data() + group.first;
  for (std::size_t i = 0; i < items_.size();) {
    const std::uint64_t key = items_[i].key;
    const std::size_t first = i;
    for (; i < items_.size() && items_[i].key == key; ++i) {
      members[i] = items_[i].place;
    }
    each(static_cast<std::uint32_t>(group.first + first), static_cast<std::uint32_t>(i - first));
  }
}

}  // namespace athanor::bzip2
