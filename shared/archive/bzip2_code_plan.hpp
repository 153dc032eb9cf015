#pragma once

#include "shared/archive/bzip2_format.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace athanor::bzip2 {

// The lengths of an optimal prefix code for the frequencies, none above k_written_code_length and
// none zero, also for symbols that don't occur. REQUIRES: 2 to k_max_alphabet symbols.
void make_code_lengths(std::span<const std::uint32_t> frequencies, std::span<std::uint8_t> lengths);

// Which prefix codes a block's symbols are written with: up to six codes, and for each group of 50
// symbols the one that suits it best. Not thread-safe; keeps its memory from block to block.
class CodePlan {
 public:
  // Finds codes for the symbols, each below `alphabet`, by choosing and fitting in turn.
  void make(std::span<const std::uint16_t> symbols, unsigned alphabet);

  unsigned tables() const { return tables_; }
  // One for each begun group of k_group_size symbols.
  std::span<const std::uint8_t> selectors() const { return selectors_; }
  std::span<const std::uint8_t> lengths(std::size_t table) const {
    return std::span(lengths_[table]).first(alphabet_);
  }

 private:
  void guess(std::span<const std::uint32_t> frequencies, std::size_t symbols);
  void choose(std::span<const std::uint16_t> symbols);
  void fit();

  unsigned alphabet_ = 0;
  unsigned tables_ = 0;
  std::vector<std::uint8_t> selectors_;
  std::array<std::array<std::uint8_t, k_max_alphabet>, k_max_tables> lengths_{};
  // How often each symbol occurs in the groups that chose a table.
  std::array<std::array<std::uint32_t, k_max_alphabet>, k_max_tables> frequencies_{};
};

}  // namespace athanor::bzip2
