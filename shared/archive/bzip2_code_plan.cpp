#include "shared/archive/bzip2_code_plan.hpp"

#include "shared/base/check.hpp"

#include <algorithm>
#include <utility>

namespace athanor::bzip2 {
namespace {

constexpr unsigned k_rounds = 4;
constexpr std::uint8_t k_no_table = k_max_tables;  // a group's choice before the first round

// The cost of a symbol in all tables side by side: ten bits hold the sum over a group.
constexpr unsigned k_cost_bits = 10;
constexpr std::uint64_t k_cost_mask = (1U << k_cost_bits) - 1;
static_assert(k_group_size * k_written_code_length <= k_cost_mask);
static_assert(k_cost_bits * k_max_tables <= 64);

// A symbol on its way into the code's tree.
struct Leaf {
  std::uint32_t weight = 0;
  std::uint32_t symbol = 0;
};

// The lengths that Huffman's method gives for leaves in ascending order of weight; returns the
// longest. Inner nodes come into being in ascending order too, so that two queues do.
unsigned assign_lengths(std::span<const Leaf> leaves, std::span<std::uint8_t> lengths) {
  const std::size_t count = leaves.size();
  std::array<std::uint32_t, k_max_alphabet> weight{};  // of inner nodes
  std::array<std::uint16_t, 2 * k_max_alphabet> parent{};
  std::size_t next_leaf = 0;
  std::size_t next_inner = 0;
  for (std::size_t inner = 0; inner + 1 < count; ++inner) {
    for (int child = 0; child < 2; ++child) {
      const bool take_leaf = next_leaf < count && (next_inner == inner ||
                                                   leaves[next_leaf].weight <= weight[next_inner]);
      weight[inner] += take_leaf ? leaves[next_leaf].weight : weight[next_inner];
      const std::size_t node = take_leaf ? next_leaf++ : count + next_inner++;
      parent[node] = static_cast<std::uint16_t>(inner);
    }
  }
  std::array<std::uint8_t, k_max_alphabet> depth{};  // of inner nodes; the last one is the root
  for (std::size_t inner = count - 2; inner-- > 0;) {
    depth[inner] = static_cast<std::uint8_t>(depth[parent[count + inner]] + 1);
  }
  unsigned longest = 0;
  for (std::size_t leaf = 0; leaf < count; ++leaf) {
    const unsigned length = depth[parent[leaf]] + 1U;
    lengths[leaves[leaf].symbol] = static_cast<std::uint8_t>(length);
    longest = std::max(longest, length);
  }
  return longest;
}

}  // namespace

void make_code_lengths(std::span<const std::uint32_t> frequencies,
                       std::span<std::uint8_t> lengths) {
  ATHANOR_CHECK(frequencies.size() >= 2 && frequencies.size() <= k_max_alphabet);
  std::array<Leaf, k_max_alphabet> storage{};
  const std::span<Leaf> leaves = std::span(storage).first(frequencies.size());
  for (std::size_t symbol = 0; symbol < leaves.size(); ++symbol) {
    leaves[symbol] = {.weight = std::max(frequencies[symbol], 1U),
                      .symbol = static_cast<std::uint32_t>(symbol)};
  }
  std::sort(leaves.begin(), leaves.end(), [](const Leaf& a, const Leaf& b) {
    return a.weight != b.weight ? a.weight < b.weight : a.symbol < b.symbol;
  });
  // Nearer to one another, the weights give a flatter code; all equal, one of 9 bits at most.
  while (assign_lengths(leaves, lengths) > k_written_code_length) {
    for (Leaf& leaf : leaves) {
      leaf.weight = leaf.weight / 2 + 1;
    }
  }
}

void CodePlan::make(std::span<const std::uint16_t> symbols, unsigned alphabet) {
  alphabet_ = alphabet;
  tables_ = symbols.size() < 200    ? 2
            : symbols.size() < 600  ? 3
            : symbols.size() < 1200 ? 4
            : symbols.size() < 2400 ? 5
                                    : 6;
  selectors_.resize((symbols.size() + k_group_size - 1) / k_group_size);
  ATHANOR_CHECK(selectors_.size() <= k_max_selectors);
  std::array<std::uint32_t, k_max_alphabet> frequencies{};
  for (const std::uint16_t symbol : symbols) {
    ++frequencies[symbol];
  }
  guess(frequencies, symbols.size());
  std::fill(selectors_.begin(), selectors_.end(), k_no_table);
  for (auto& of_table : frequencies_) {
    of_table.fill(0);
  }
  for (unsigned round = 0; round < k_rounds; ++round) {
    choose(symbols);
    fit();
  }
}

// To begin with, each table is good at one range of the symbols and bad at the others. The ranges
// have about the same share of the occurrences.
void CodePlan::guess(std::span<const std::uint32_t> frequencies, std::size_t symbols) {
  constexpr std::uint8_t k_bad = 15;
  std::size_t left = symbols;
  unsigned next = 0;
  for (unsigned table = 0; table < tables_; ++table) {
    const std::size_t share = left / (tables_ - table);
    const unsigned first = next;
    std::size_t covered = 0;
    while (next < alphabet_ && (covered < share || table + 1 == tables_)) {
      covered += frequencies[next++];
    }
    // A frequent symbol at the end overshoots the share; every other table leaves it to the next.
    if (next > first + 1 && table % 2 == 1 && table + 1 < tables_) {
      covered -= frequencies[--next];
    }
    lengths_[table].fill(k_bad);
    std::fill(lengths_[table].begin() + first, lengths_[table].begin() + next, std::uint8_t{0});
    left -= covered;
  }
}

void CodePlan::choose(std::span<const std::uint16_t> symbols) {
  std::array<std::uint64_t, k_max_alphabet> costs{};
  for (std::size_t symbol = 0; symbol < alphabet_; ++symbol) {
    for (std::size_t table = 0; table < tables_; ++table) {
      costs[symbol] |= std::uint64_t{lengths_[table][symbol]} << (k_cost_bits * table);
    }
  }
  for (std::size_t group = 0; group < selectors_.size(); ++group) {
    const std::size_t begin = group * k_group_size;
    const auto members =
        symbols.subspan(begin, std::min<std::size_t>(k_group_size, symbols.size() - begin));
    std::uint64_t sums = 0;
    for (const std::uint16_t symbol : members) {
      sums += costs[symbol];
    }
    std::size_t best = 0;
    std::uint64_t best_cost = sums & k_cost_mask;
    for (std::size_t table = 1; table < tables_; ++table) {
      const std::uint64_t cost = (sums >> (k_cost_bits * table)) & k_cost_mask;
      if (cost < best_cost) {
        best = table;
        best_cost = cost;
      }
    }
    const std::size_t before = std::exchange(selectors_[group], static_cast<std::uint8_t>(best));
    if (before == best) {
      continue;
    }
    for (const std::uint16_t symbol : members) {
      ++frequencies_[best][symbol];
    }
    for (const std::uint16_t symbol : before == k_no_table ? members.first(0) : members) {
      --frequencies_[before][symbol];
    }
  }
}

void CodePlan::fit() {
  for (std::size_t table = 0; table < tables_; ++table) {
    make_code_lengths(std::span(frequencies_[table]).first(alphabet_),
                      std::span(lengths_[table]).first(alphabet_));
  }
}

}  // namespace athanor::bzip2
