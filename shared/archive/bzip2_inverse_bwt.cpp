#include "shared/archive/bzip2_inverse_bwt.hpp"

#include "shared/archive/bzip2_format.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace athanor::bzip2 {
namespace {

constexpr std::uint32_t k_mark = 0x80000000U;
// More walkers than a core has outstanding loads don't help; their rows must also stay in
// registers.
constexpr std::size_t k_walkers = 8;
// Pieces differ much in length. With many, the walkers finish at about the same time.
constexpr std::size_t k_pieces = k_walkers * 16;
// Below this the block is in the cache anyway.
constexpr std::size_t k_alone_below = 8192;
constexpr std::size_t k_quarters = 4;
// Each walker writes its pieces one after the other into a lane of its own. The odd size keeps the
// lanes from falling on the same cache sets.
constexpr std::size_t k_lane = k_max_block + 64 * 7;

// Where a piece was written, and which row stopped it.
struct Piece {
  std::size_t from = 0;
  std::size_t size = 0;
  std::uint32_t next_row = 0;
};

// One run of all the walkers over the rows of a block.
class Walk {
 public:
  Walk(std::uint32_t* rows, std::uint8_t* lanes, std::span<const std::uint32_t> first_rows)
      : rows_(rows),
        lanes_(lanes),
        first_rows_(first_rows) {}

  void run() {
    for (std::size_t walker = 0; walker < k_walkers; ++walker) {
      entry_[walker] = begin_piece(walker);
    }
    while (next_piece_ < first_rows_.size()) {
      advance();
      for (std::size_t walker = 0; walker < k_walkers; ++walker) {
        if ((entry_[walker] & k_mark) != 0) {
          end_piece(walker);
          entry_[walker] = next_piece_ < first_rows_.size() ? begin_piece(walker) : k_mark;
        }
      }
    }
    for (std::size_t walker = 0; walker < k_walkers; ++walker) {
      finish(walker);
    }
  }

  const Piece& piece(std::size_t index) const { return pieces_[index]; }

 private:
  std::uint32_t begin_piece(std::size_t walker) {
    piece_of_[walker] = next_piece_;
    pieces_[next_piece_].from = walker * k_lane + written_;
    // The row's own mark is for the others.
    return rows_[first_rows_[next_piece_++]] & ~k_mark;
  }

  void end_piece(std::size_t walker) { end_piece(walker, written_); }

  void end_piece(std::size_t walker, std::size_t written) {
    Piece& piece = pieces_[piece_of_[walker]];
    piece.size = walker * k_lane + written - piece.from;
    piece.next_row = at_[walker];
  }

  // Steps all walkers together, each from the entry it stands on, until one of them meets a mark.
  // What all of them wrote has the same length, so that one index serves all lanes.
  void advance() {
    auto entry = entry_;
    auto at = at_;
    const std::uint32_t* const rows = rows_;
    std::uint8_t* out = lanes_ + written_;
    std::uint32_t any = 0;
    do {
#pragma GCC unroll 16
      for (std::size_t w = 0; w < k_walkers; ++w) {
        out[w * k_lane] = static_cast<std::uint8_t>(entry[w]);
        at[w] = entry[w] >> 8U;
      }
      ++out;
      any = 0;
#pragma GCC unroll 16
      for (std::size_t w = 0; w < k_walkers; ++w) {
        entry[w] = rows[at[w]];
        any |= entry[w];
      }
    } while ((any & k_mark) == 0);
    written_ = static_cast<std::size_t>(out - lanes_);
    entry_ = entry;
    at_ = at;
  }

  // The last piece of a walker, when there is no other one to begin.
  void finish(std::size_t walker) {
    std::uint32_t entry = entry_[walker];
    std::size_t written = written_;
    if (entry == k_mark) {
      return;
    }
    while ((entry & k_mark) == 0) {
      lanes_[walker * k_lane + written++] = static_cast<std::uint8_t>(entry);
      at_[walker] = entry >> 8U;
      entry = rows_[at_[walker]];
    }
    end_piece(walker, written);
  }

  std::uint32_t* rows_;
  std::uint8_t* lanes_;
  std::span<const std::uint32_t> first_rows_;
  std::size_t next_piece_ = 0;
  std::size_t written_ = 0;                        // in each lane
  std::array<std::uint32_t, k_walkers> entry_{};   // of the row a walker stands on
  std::array<std::uint32_t, k_walkers> at_{};      // that row
  std::array<std::size_t, k_walkers> piece_of_{};  // which it is writing
  std::array<Piece, k_pieces> pieces_{};
};

}  // namespace

InverseBwt::InverseBwt()
    : rows_(new std::uint32_t[k_max_block]),
      pieces_(new std::uint8_t[k_lane * k_walkers]),
      piece_of_row_(new std::uint16_t[k_max_block]) {}

void InverseBwt::restore(std::span<std::uint8_t> last, std::uint32_t row) {
  link_rows(last);
  if (last.size() < k_alone_below) {
    walk_alone(last, row);
  } else {
    walk_together(last, row);
  }
}

// A stable sort of the rows by their last byte. Four quarters of the block go side by side, each
// with its own counters: equal bytes come in long runs, and a single counter would make each step
// wait for the one before it.
void InverseBwt::link_rows(std::span<const std::uint8_t> last) {
  std::array<std::array<std::uint32_t, 256>, k_quarters> place{};
  const std::size_t quarter = last.size() / k_quarters;
  for (std::size_t i = 0; i < quarter; ++i) {
    for (std::size_t q = 0; q < k_quarters; ++q) {
      ++place[q][last[q * quarter + i]];
    }
  }
  for (std::size_t i = quarter * k_quarters; i < last.size(); ++i) {
    ++place[k_quarters - 1][last[i]];
  }
  std::uint32_t sum = 0;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    for (std::size_t q = 0; q < k_quarters; ++q) {
      const std::uint32_t count = place[q][byte];
      place[q][byte] = sum;
      sum += count;
    }
  }
  std::uint32_t* const rows = rows_.get();
  for (std::size_t i = 0; i < quarter; ++i) {
    for (std::size_t q = 0; q < k_quarters; ++q) {
      const std::size_t at = q * quarter + i;
      const std::uint8_t byte = last[at];
      rows[place[q][byte]++] = static_cast<std::uint32_t>(at << 8U) | byte;
    }
  }
  for (std::size_t i = quarter * k_quarters; i < last.size(); ++i) {
    rows[place[k_quarters - 1][last[i]]++] = static_cast<std::uint32_t>(i << 8U) | last[i];
  }
}

void InverseBwt::walk_alone(std::span<std::uint8_t> out, std::uint32_t row) const {
  for (std::uint8_t& byte : out) {
    const std::uint32_t entry = rows_[row];
    byte = static_cast<std::uint8_t>(entry);
    row = entry >> 8U;
  }
}

void InverseBwt::walk_together(std::span<std::uint8_t> out, std::uint32_t row) {
  std::uint32_t* const rows = rows_.get();
  std::array<std::uint32_t, k_pieces> first_row{};
  for (std::size_t i = 0; i < k_pieces; ++i) {
    first_row[i] = static_cast<std::uint32_t>(out.size() * i / k_pieces);
  }
  // The piece that begins at the original's own row takes the place of the nearest other one.
  first_row[row * k_pieces / out.size()] = row;
  for (std::size_t i = 0; i < k_pieces; ++i) {
    rows[first_row[i]] |= k_mark;
    piece_of_row_[first_row[i]] = static_cast<std::uint16_t>(i);
  }

  Walk walk(rows, pieces_.get(), first_row);
  walk.run();

  // A periodic block consists of several circles; the original then goes round its own repeatedly.
  std::size_t done = 0;
  while (done < out.size()) {
    const Piece& next = walk.piece(piece_of_row_[row]);
    const std::size_t size = std::min(next.size, out.size() - done);
    std::memcpy(out.data() + done, pieces_.get() + next.from, size);
    done += size;
    row = next.next_row;
  }
}

}  // namespace athanor::bzip2
