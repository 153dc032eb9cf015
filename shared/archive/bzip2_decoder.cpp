#include "shared/archive/bzip2_decoder.hpp"

#include "shared/archive/bzip2_block_decoder.hpp"
#include "shared/archive/bzip2_crc.hpp"
#include "shared/archive/bzip2_format.hpp"
#include "shared/archive/bzip2_run_length.hpp"
#include "shared/archive/bzip2_window.hpp"
#include "shared/archive/ordered_workers.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {
namespace {

using bzip2::BlockOutcome;
using bzip2::BlockStatus;

// Room for a block of any size at any place of a read, and for looking at what follows it.
constexpr std::size_t k_window = 2 * bzip2::k_max_compressed_block + 512 * 1024;
constexpr std::size_t k_window_per_thread = 1024 * 1024;

// What looks like a block: from its magic to the next one, which may be inside it by accident.
struct Candidate {
  std::uint64_t bit = 0;            // of its magic, in the stream
  std::vector<std::uint8_t> bytes;  // from the byte with the magic on, and padding
  bzip2::BitRange range;            // of what follows the magic, in these bytes
  BlockOutcome outcome;
  std::vector<std::uint8_t> block;
};

class CandidateDecoder {
 public:
  void run(Candidate& candidate) {
    candidate.outcome = decoder_.decode(candidate.range, candidate.block);
  }

 private:
  bzip2::BlockDecoder decoder_;
};

}  // namespace

class Bzip2Decoder::Impl {
 public:
  Impl(ByteSource& source, Bzip2DecoderOptions options)
      : options_(options),
        window_(source, k_window + k_window_per_thread * options.threads),
        workers_(options.threads) {}

  Result<std::size_t> read(std::span<std::uint8_t> out) {
    if (failure_) {
      return *failure_;
    }
    auto result = read_on(out);
    if (!result.ok()) {
      failure_ = result.error();
    }
    return result;
  }

  std::uint64_t streams_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t bytes_delivered_ = 0;
  std::uint64_t bytes_consumed_ = 0;
  bool has_trailing_data_ = false;

 private:
  enum class State { between_streams, between_blocks, in_block, finished };

  Result<std::size_t> read_on(std::span<std::uint8_t> out) {
    while (state_ != State::finished) {
      if (state_ == State::between_streams) {
        ATHANOR_TRY(begin_stream());
        continue;
      }
      if (state_ == State::between_blocks) {
        ATHANOR_TRY(begin_block_or_end_stream());
        continue;
      }
      const std::size_t count = expander_.expand(out);
      crc_.update(out.first(count));
      if (expander_.done()) {
        ATHANOR_TRY(end_block());
      }
      if (count > 0) {
        bytes_delivered_ += count;
        return count;
      }
    }
    return std::size_t{0};
  }

  Result<void> begin_stream() {
    const std::uint64_t at = position_ / 8;
    ATHANOR_TRY(window_.fill(at + bzip2::k_header_bytes));
    const auto bytes = window_.from(at);
    if (bytes.empty() && streams_ > 0) {
      state_ = State::finished;
      return {};
    }
    constexpr std::string_view k_signature = "BZh";
    const std::size_t known = std::min(bytes.size(), k_signature.size());
    const bool matches = std::equal(
        bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(known), k_signature.begin());
    if (matches && bytes.size() < bzip2::k_header_bytes) {
      return corrupt("the data ends in the header");
    }
    if (!matches || bytes[3] < '1' || bytes[3] > '9') {
      return streams_ == 0 ? corrupt("the data doesn't begin with a bzip2 header")
                           : trailing_data();
    }
    level_ = bytes[3] - std::uint32_t{'0'};
    stream_crc_ = 0;
    ++streams_;
    position_ += bzip2::k_header_bytes * 8;
    state_ = State::between_blocks;
    return {};
  }

  Result<void> trailing_data() {
    has_trailing_data_ = true;
    state_ = State::finished;
    if (options_.trailing == Bzip2Trailing::report) {
      return {};
    }
    return make_error(
        ErrorKind::rejected,
        "the bzip2 data ends at byte " + std::to_string(position_ / 8) + ", but other bytes follow",
        "fetch the file again; a sound archive has nothing behind its end");
  }

  Result<void> begin_block_or_end_stream() {
    // The end of a stream is a magic and a check value: 80 bits from any bit on.
    ATHANOR_TRY(window_.fill(position_ / 8 + 11));
    bzip2::BitCursor cursor(window_bits());
    const std::uint64_t magic = cursor.take(bzip2::k_magic_bits);
    if (magic == bzip2::k_block_magic) {
      return begin_block();
    }
    if (magic == bzip2::k_end_magic) {
      const auto crc = static_cast<std::uint32_t>(cursor.take(32));
      if (!cursor.overrun()) {
        return end_stream(crc);
      }
    }
    if (cursor.overrun()) {
      return corrupt("the data ends before the stream does");
    }
    return corrupt("neither a block nor the end of the stream is where one must be");
  }

  Result<void> end_stream(std::uint32_t crc) {
    if (crc != stream_crc_) {
      return corrupt("the check value of the whole stream differs");
    }
    const std::uint64_t end = position_ + bzip2::k_magic_bits + 32;
    move_to((end + 7) / 8 * 8);
    state_ = State::between_streams;
    return {};
  }

  Result<void> begin_block() {
    ++blocks_;
    if (options_.threads == 0) {
      ATHANOR_TRY(decode_here());
    } else {
      ATHANOR_TRY(decode_ahead());
    }
    if (current_->outcome.status != BlockStatus::complete) {
      return block_error(current_->outcome);
    }
    if (current_->block.size() > std::size_t{level_} * bzip2::k_block_unit) {
      return corrupt("the block is larger than the stream's header allows");
    }
    crc_ = {};
    expander_.reset(current_->block);
    state_ = State::in_block;
    return {};
  }

  Result<void> end_block() {
    if (expander_.dangling()) {
      return corrupt("the block ends in the middle of a run");
    }
    if (crc_.value() != current_->outcome.crc) {
      return corrupt("the check value of the block differs");
    }
    stream_crc_ = bzip2::combine_crc(stream_crc_, crc_.value());
    move_to(current_->outcome.end);
    state_ = State::between_blocks;
    return {};
  }

  // Decodes the block at position_ in this thread, from as much data as a block can need.
  Result<void> decode_here() {
    ATHANOR_TRY(window_.fill(position_ / 8 + bzip2::k_max_compressed_block));
    if (!current_) {
      current_ = std::make_unique<Candidate>();
    }
    if (!own_decoder_) {
      own_decoder_ = std::make_unique<bzip2::BlockDecoder>();
    }
    bzip2::BitRange bits = window_bits();
    bits.begin += bzip2::k_magic_bits;
    current_->outcome = own_decoder_->decode(bits, current_->block);
    current_->outcome.end += position_ / 8 * 8;
    return {};
  }

  // Gets the block at position_ from the workers and gives them others to do.
  Result<void> decode_ahead() {
    if (current_) {
      spare_.push_back(std::move(current_));
    }
    // Whatever began inside the block before this one wasn't a block.
    while (!ahead_.empty() && ahead_.front() < position_) {
      ahead_.erase(ahead_.begin());
      spare_.push_back(workers_.discard());
    }
    ATHANOR_TRY(schedule());
    if (ahead_.empty() || ahead_.front() != position_) {
      return decode_here();
    }
    ahead_.erase(ahead_.begin());
    current_ = workers_.take();
    current_->outcome.end += current_->bit / 8 * 8;
    if (current_->outcome.status == BlockStatus::incomplete) {
      // The magic that ended the candidate is part of the block's data.
      return decode_here();
    }
    return {};
  }

  // Cuts the data ahead into candidates until enough of them are under way.
  Result<void> schedule() {
    scanned_ = std::max(scanned_, position_);
    if (open_ && *open_ < position_) {
      open_.reset();
    }
    const std::size_t enough = 2 * std::size_t{options_.threads} + 2;
    while (ahead_.size() < enough) {
      const std::uint64_t base = scanned_ / 8;
      const auto magic = bzip2::find_magic(window_.from(base), scanned_ % 8);
      if (magic) {
        const std::uint64_t bit = base * 8 + magic->bit;
        close_candidate(bit);
        if (magic->is_block) {
          open_ = bit;
        }
        scanned_ = bit + 1;
        continue;
      }
      const std::uint64_t end = window_.end() * 8;
      scanned_ = std::max(scanned_, end - std::min<std::uint64_t>(end, bzip2::k_magic_bits - 1));
      if (open_ && (window_.ended() || end - *open_ >= bzip2::k_max_compressed_block * 8)) {
        close_candidate(end);
      }
      ATHANOR_ASSIGN(const bool more, window_.fill_some());
      if (!more && !(window_.ended() && open_)) {
        break;
      }
    }
    return {};
  }

  void close_candidate(std::uint64_t end) {
    if (!open_) {
      return;
    }
    std::unique_ptr<Candidate> candidate;
    if (spare_.empty()) {
      candidate = std::make_unique<Candidate>();
      candidate->block.reserve(bzip2::k_max_block);
    } else {
      candidate = std::move(spare_.back());
      spare_.pop_back();
    }
    candidate->bit = *open_;
    const std::uint64_t base = *open_ / 8;
    const auto bytes = window_.from(base).first((end + 7) / 8 - base);
    candidate->bytes.assign(bytes.begin(), bytes.end());
    candidate->bytes.resize(bytes.size() + bzip2::k_input_padding);
    candidate->range = {.data = candidate->bytes.data(),
                        .begin = *open_ % 8 + bzip2::k_magic_bits,
                        .end = end - base * 8};
    open_.reset();
    ahead_.push_back(candidate->bit);
    workers_.submit(std::move(candidate));
  }

  bzip2::BitRange window_bits() const {
    const auto bytes = window_.from(position_ / 8);
    return {.data = bytes.data(), .begin = position_ % 8, .end = bytes.size() * 8};
  }

  void move_to(std::uint64_t bit) {
    position_ = bit;
    bytes_consumed_ = (bit + 7) / 8;
    window_.discard(bit / 8);
  }

  Error block_error(const BlockOutcome& outcome) const {
    if (outcome.status == BlockStatus::unsupported) {
      return make_error(ErrorKind::unsupported, where() + outcome.reason,
                        "compress the file again with a bzip2 of this century");
    }
    return corrupt(outcome.reason);
  }

  Error corrupt(std::string_view what) const {
    return make_error(ErrorKind::corrupt, where() + std::string(what),
                      "the file is damaged or incomplete; fetch it again");
  }

  std::string where() const {
    return "bzip2, stream " + std::to_string(streams_) + ", block " + std::to_string(blocks_) +
           ", compressed byte " + std::to_string(position_ / 8) + ": ";
  }

  const Bzip2DecoderOptions options_;
  bzip2::Window window_;
  std::optional<Error> failure_;

  State state_ = State::between_streams;
  std::uint64_t position_ = 0;  // bits; of what comes next, or of the block being delivered
  std::uint32_t level_ = 0;
  std::uint32_t stream_crc_ = 0;

  std::unique_ptr<Candidate> current_;  // the block being delivered
  bzip2::RunLengthExpander expander_;
  bzip2::Crc crc_;
  std::unique_ptr<bzip2::BlockDecoder> own_decoder_;

  std::uint64_t scanned_ = 0;          // no magic begins between position_ and this is unknown
  std::optional<std::uint64_t> open_;  // the last block magic whose candidate has no end yet
  std::vector<std::uint64_t> ahead_;   // bits of the candidates in workers_
  std::vector<std::unique_ptr<Candidate>> spare_;
  OrderedWorkers<Candidate, CandidateDecoder> workers_;
};

Bzip2Decoder::Bzip2Decoder(ByteSource& source, Bzip2DecoderOptions options)
    : impl_(std::make_unique<Impl>(source, options)) {}

Bzip2Decoder::~Bzip2Decoder() = default;

Result<std::size_t> Bzip2Decoder::read(std::span<std::uint8_t> out) {
  ATHANOR_CHECK(!out.empty());
  return impl_->read(out);
}

std::uint64_t Bzip2Decoder::streams() const {
  return impl_->streams_;
}

std::uint64_t Bzip2Decoder::blocks() const {
  return impl_->blocks_;
}

std::uint64_t Bzip2Decoder::bytes_delivered() const {
  return impl_->bytes_delivered_;
}

std::uint64_t Bzip2Decoder::bytes_consumed() const {
  return impl_->bytes_consumed_;
}

bool Bzip2Decoder::has_trailing_data() const {
  return impl_->has_trailing_data_;
}

}  // namespace athanor
