#include "shared/archive/bzip2_forward_bwt.hpp"

#include "shared/archive/bzip2_inverse_bwt.hpp"
#include "shared/archive/bzip2_rotation_sort.hpp"
#include "shared/base/random.hpp"
#include "tests/unit/shared_archive/bzip2_test_data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>

namespace athanor {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes rotation(const Bytes& block, std::size_t begin) {
  Bytes turned(block.begin() + static_cast<std::ptrdiff_t>(begin), block.end());
  turned.insert(turned.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(begin));
  return turned;
}

Bytes last_column_by_definition(const Bytes& block) {
  std::vector<std::size_t> order(block.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      const std::uint8_t in_a = block[(a + i) % block.size()];
      const std::uint8_t in_b = block[(b + i) % block.size()];
      if (in_a != in_b) {
        return in_a < in_b;
      }
    }
    return false;
  });
  Bytes last;
  for (const std::size_t begin : order) {
    last.push_back(block[(begin + block.size() - 1) % block.size()]);
  }
  return last;
}

// Blocks with repetitions of every length: pieces of earlier text are copied again.
Bytes repetitive(std::size_t size, std::uint64_t alphabet, Random& random) {
  Bytes bytes;
  while (bytes.size() < size) {
    if (!bytes.empty() && random.below(3) > 0) {
      const std::size_t from = random.below(bytes.size());
      const std::size_t count = 1 + random.below(1 + random.below(size));
      for (std::size_t i = 0; i < count; ++i) {
        bytes.push_back(bytes[from + i]);
      }
    } else {
      bytes.push_back(static_cast<std::uint8_t>(random.below(alphabet)));
    }
  }
  bytes.resize(size);
  return bytes;
}

TEST(Bzip2LeastRotation, IsTheLeastByDefinition) {
  Random random(1);
  for (int round = 0; round < 3'000; ++round) {
    const std::size_t size = 1 + random.below(60);
    const Bytes block = round % 2 == 0
                            ? test::random_bytes(size, 1 + random.below(4), random.next())
                            : repetitive(size, 2, random);
    Bytes least = block;
    for (std::size_t i = 1; i < size; ++i) {
      least = std::min(least, rotation(block, i));
    }
    EXPECT_EQ(rotation(block, bzip2::least_rotation(block)), least);
  }
}

TEST(Bzip2RotationSort, GivesTheOrderByDefinition) {
  Random random(2);
  bzip2::RotationSorter sorter;
  for (int round = 0; round < 40; ++round) {
    const std::size_t size = bzip2::RotationSorter::k_smallest + random.below(200);
    const std::uint64_t alphabet = 1 + random.below(round % 3 == 0 ? 256 : 4);
    Bytes block = round % 2 == 0 ? test::random_bytes(size, alphabet, random.next())
                                 : repetitive(size, alphabet, random);
    block = rotation(block, bzip2::least_rotation(block));
    const std::size_t original = random.below(size);
    Bytes last;
    const auto row = sorter.sort(block, original, last);
    if (!row) {
      continue;  // allowed; the next test says when it may not
    }
    ASSERT_EQ(last, last_column_by_definition(block)) << round;
    Bytes back = last;
    bzip2::InverseBwt().restore(back, *row);
    ASSERT_EQ(back, rotation(block, original)) << round;
  }
}

TEST(Bzip2RotationSort, DoesntGiveUpOnTextThatIsThereTwice) {
  Bytes block = test::text(200'000, 1);
  block.insert(block.end(), block.begin(), block.begin() + 150'000);
  block = rotation(block, bzip2::least_rotation(block));
  Bytes last;
  EXPECT_TRUE(bzip2::RotationSorter().sort(block, 0, last).has_value());
}

TEST(Bzip2ForwardBwt, IsUndoneByTheInverseForRepetitiveBlocks) {
  Random random(3);
  bzip2::ForwardBwt forward;
  bzip2::InverseBwt inverse;
  for (int round = 0; round < 20; ++round) {
    const Bytes block = repetitive(30'000 + random.below(100'000), 1 + random.below(6), random);
    Bytes last;
    const auto row = forward.transform(block, last);
    ASSERT_TRUE(row.has_value());
    inverse.restore(last, *row);
    ASSERT_TRUE(last == block) << round;
  }
}

}  // namespace
}  // namespace athanor
