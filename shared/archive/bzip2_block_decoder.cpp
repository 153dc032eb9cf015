#include "shared/archive/bzip2_block_decoder.hpp"

#include "shared/archive/bzip2_move_to_front.hpp"

#include <algorithm>
#include <cstring>

namespace athanor::bzip2 {
namespace {

// Symbols write without looking at the end of the column; it is checked once for each group. A
// group of 50 writes at most 50 values and 50 short runs.
constexpr std::size_t k_short_run = 16;
constexpr std::size_t k_column_slack = k_group_size * (k_short_run + 1) + k_short_run;
// An error is final only if the bits that led to it were all there.
constexpr std::uint64_t k_look_ahead = 64;
constexpr unsigned k_max_run_digits = 21;

constexpr const char* k_ends_inside = "the data ends in the middle of a block";

// Takes bits through a 64-bit buffer that is filled eight bytes at a time.
class BitBuffer {
 public:
  explicit BitBuffer(const BitRange& range)
      : begin_(range.data),
        next_(range.data + (range.begin >> 3U)) {
    refill();
    drop(range.begin & 7U);
  }

  // At least 56 bits are there afterwards.
  void refill() {
    buffer_ |= load_big_endian(next_) >> count_;
    next_ += (63U - count_) >> 3U;
    count_ |= 56U;
  }
  std::uint64_t peek() const { return buffer_; }
  void drop(std::uint64_t count) {
    buffer_ <<= count;
    count_ -= static_cast<unsigned>(count);
  }
  std::uint64_t position() const { return static_cast<std::uint64_t>(next_ - begin_) * 8 - count_; }

 private:
  const std::uint8_t* begin_;
  const std::uint8_t* next_;
  std::uint64_t buffer_ = 0;  // the next bits, left-aligned
  unsigned count_ = 0;
};

// What the symbols of a block are turned into.
struct Column {
  std::uint8_t* bytes;
  std::size_t size = 0;
  MoveToFrontList list;
  std::uint64_t run = 0;    // of the front value, as far as its digits are known
  unsigned run_digits = 0;  // how many of them

  void add_digits(std::uint64_t value, unsigned digits) {
    run += value << run_digits;
    run_digits += digits;
  }
  // Writes the run that a symbol has ended. Returns false if there is no room for it.
  bool flush_run() {
    const std::uint64_t pattern = list.front() * 0x0101010101010101U;
    std::memcpy(bytes + size, &pattern, sizeof pattern);
    std::memcpy(bytes + size + 8, &pattern, sizeof pattern);
    if (run > k_short_run) [[unlikely]] {
      if (run_digits > k_max_run_digits ||
          run > k_max_block - std::min<std::size_t>(size, k_max_block)) {
        return false;
      }
      std::memset(bytes + size, list.front(), run);
    }
    size += run;
    run = 0;
    run_digits = 0;
    return true;
  }
  void put(unsigned position) {
    list.move(position);
    bytes[size++] = list.front();
  }
};

}  // namespace

struct BlockDecoder::Header {
  std::uint32_t crc = 0;
  std::uint32_t row = 0;
  unsigned values = 0;                    // how many byte values the block uses
  std::array<std::uint8_t, 256> order{};  // these, ascending
};

BlockDecoder::BlockDecoder()
    : column_(new std::uint8_t[k_max_block + k_column_slack]) {}

BlockOutcome BlockDecoder::decode(const BitRange& bits, std::vector<std::uint8_t>& out) {
  BitCursor cursor(bits);
  Header header;
  BlockOutcome outcome = read_header(cursor, header);
  if (outcome.status == BlockStatus::complete) {
    outcome = read_symbols({bits.data, cursor.position(), bits.end}, header);
  } else if (cursor.overrun()) {
    outcome = {.status = BlockStatus::incomplete, .reason = k_ends_inside};
  }
  if (outcome.status != BlockStatus::complete) {
    return outcome;
  }
  if (header.row >= size_) {
    return {.status = BlockStatus::corrupt, .reason = "the original's row lies outside the block"};
  }
  outcome.crc = header.crc;
  out.resize(size_);
  std::memcpy(out.data(), column_.get(), size_);
  inverse_.restore(out, header.row);
  return outcome;
}

BlockOutcome BlockDecoder::read_header(BitCursor& cursor, Header& header) {
  header.crc = static_cast<std::uint32_t>(cursor.take(32));
  if (cursor.take(1) != 0) {
    return {.status = BlockStatus::unsupported,
            .reason = "the block is randomised, as only bzip2 before 0.9.5 did it"};
  }
  header.row = static_cast<std::uint32_t>(cursor.take(24));
  const std::uint64_t used_ranges = cursor.take(16);
  for (unsigned range = 0; range < 16; ++range) {
    if ((used_ranges >> (15U - range) & 1U) == 0) {
      continue;
    }
    const std::uint64_t used = cursor.take(16);
    for (unsigned i = 0; i < 16; ++i) {
      if ((used >> (15U - i) & 1U) != 0) {
        header.order[header.values++] = static_cast<std::uint8_t>(range * 16 + i);
      }
    }
  }
  if (header.values == 0) {
    return {.status = BlockStatus::corrupt, .reason = "the block uses no byte value"};
  }
  table_count_ = static_cast<unsigned>(cursor.take(3));
  if (table_count_ < k_min_tables || table_count_ > k_max_tables) {
    return {.status = BlockStatus::corrupt, .reason = "the number of code tables is impossible"};
  }
  if (!read_selectors(cursor)) {
    return {.status = BlockStatus::corrupt, .reason = "the choice of code tables is impossible"};
  }
  if (!read_tables(cursor, header.values + 2)) {
    return {.status = BlockStatus::corrupt, .reason = "a code length is impossible"};
  }
  return {.status = BlockStatus::complete};
}

bool BlockDecoder::read_selectors(BitCursor& cursor) {
  const std::size_t announced = cursor.take(15);
  if (announced == 0) {
    return false;
  }
  // Some writers round the number up; what exceeds a full block's need can't be used.
  selector_count_ = std::min<std::size_t>(announced, k_max_selectors);
  std::array<std::uint8_t, k_max_tables> order{0, 1, 2, 3, 4, 5};
  for (std::size_t i = 0; i < announced && !cursor.overrun(); ++i) {
    std::size_t place = 0;
    while (cursor.take(1) != 0) {
      if (++place == table_count_) {
        return false;
      }
    }
    std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(place),
                order.begin() + static_cast<std::ptrdiff_t>(place) + 1);
    if (i < selector_count_) {
      selectors_[i] = order[0];
    }
  }
  return !cursor.overrun();
}

bool BlockDecoder::read_tables(BitCursor& cursor, unsigned alphabet) {
  std::array<std::uint8_t, k_max_alphabet> lengths{};
  for (unsigned table = 0; table < table_count_; ++table) {
    auto length = static_cast<unsigned>(cursor.take(5));
    for (unsigned symbol = 0; symbol < alphabet; ++symbol) {
      while (true) {
        if (length < 1 || length > k_max_code_length) {
          return false;
        }
        if (cursor.take(1) == 0) {
          break;
        }
        length = cursor.take(1) == 0 ? length + 1 : length - 1;
      }
      lengths[symbol] = static_cast<std::uint8_t>(length);
    }
    if (cursor.overrun()) {
      return false;
    }
    tables_[table].build(std::span(lengths).first(alphabet));
  }
  return true;
}

BlockOutcome BlockDecoder::read_symbols(const BitRange& bits, const Header& header) {
  BitBuffer buffer(bits);
  Column column{.bytes = column_.get(), .list = MoveToFrontList(header.order)};
  const unsigned end_symbol = header.values + 1;
  const auto failure = [&](const char* reason) -> BlockOutcome {
    if (buffer.position() + k_look_ahead > bits.end) {
      return {.status = BlockStatus::incomplete, .reason = k_ends_inside};
    }
    return {.status = BlockStatus::corrupt, .reason = reason};
  };
  for (std::size_t group = 0; group < selector_count_; ++group) {
    const CodeTable& table = tables_[selectors_[group]];
    if (!table.usable()) {
      return failure("a code table is no prefix code");
    }
    unsigned left = k_group_size;
    while (left > 0) {
      buffer.refill();
      const CodeTable::Step step = table.step(buffer.peek());
      if (step.has_value() && step.symbols() <= left) [[likely]] {
        buffer.drop(step.bits());
        left -= step.symbols();
        column.add_digits(step.run(), step.digits());
        if (!column.flush_run()) {
          return failure("the block is larger than allowed");
        }
        column.put(step.value_position());
        continue;
      }
      const CodeTable::Symbol symbol = table.symbol(buffer.peek());
      if (symbol.bits == 0) {
        return failure("a code has no meaning");
      }
      buffer.drop(symbol.bits);
      --left;
      if (symbol.symbol <= 1) {
        column.add_digits(symbol.symbol + 1, 1);
        if (column.run_digits > k_max_run_digits) {
          return failure("a run is longer than any block");
        }
        continue;
      }
      if (!column.flush_run()) {
        return failure("the block is larger than allowed");
      }
      if (symbol.symbol == end_symbol) {
        if (buffer.position() > bits.end) {
          return {.status = BlockStatus::incomplete, .reason = k_ends_inside};
        }
        if (column.size > k_max_block) {
          return {.status = BlockStatus::corrupt, .reason = "the block is larger than allowed"};
        }
        size_ = column.size;
        return {.status = BlockStatus::complete, .end = buffer.position()};
      }
      column.put(symbol.symbol - 1);
    }
    if (column.size > k_max_block) {
      return failure("the block is larger than allowed");
    }
    if (buffer.position() > bits.end) {
      return {.status = BlockStatus::incomplete, .reason = k_ends_inside};
    }
  }
  return failure("the block has no end");
}

}  // namespace athanor::bzip2
