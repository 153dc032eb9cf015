#include "shared/archive/bzip2_encoder.hpp"

#include "shared/archive/bzip2_block_encoder.hpp"
#include "shared/archive/bzip2_crc.hpp"
#include "shared/archive/bzip2_format.hpp"
#include "shared/archive/bzip2_run_length.hpp"
#include "shared/archive/ordered_workers.hpp"
#include "shared/base/check.hpp"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace athanor {
namespace {

struct Block {
  std::vector<std::uint8_t> bytes;  // run-length coded
  std::uint32_t crc = 0;
  bzip2::BitWriter bits;
  bool failed = false;
};

class BlockWorker {
 public:
  void run(Block& block) { block.failed = !encoder_.encode(block.bytes, block.crc, block.bits); }

 private:
  bzip2::BlockEncoder encoder_;
};

}  // namespace

class Bzip2Encoder::Impl {
 public:
  Impl(ByteSink& sink, Bzip2EncoderOptions options)
      : sink_(sink),
        under_way_(options.threads == 0 ? 0 : 2 * std::size_t{options.threads} + 1),
        packer_(std::size_t{options.level} * bzip2::k_block_unit),
        workers_(options.threads) {
    out_.append(reinterpret_cast<const std::uint8_t*>("BZh"), 24);
    out_.put('0' + options.level, 8);
  }

  Result<void> write(std::span<const std::uint8_t> bytes) {
    ATHANOR_CHECK(!finished_);
    if (failure_) {
      return *failure_;
    }
    while (!bytes.empty()) {
      const std::size_t taken = packer_.pack(bytes);
      crc_.update(bytes.first(taken));
      bytes = bytes.subspan(taken);
      if (!bytes.empty()) {
        ATHANOR_TRY(checked(submit_block()));
      }
    }
    return {};
  }

  Result<void> finish() {
    ATHANOR_CHECK(!finished_);
    if (failure_) {
      return *failure_;
    }
    finished_ = true;
    return checked(finish_stream());
  }

 private:
  Result<void> checked(Result<void> result) {
    if (!result.ok()) {
      failure_ = result.error();
    }
    return result;
  }

  Result<void> submit_block() {
    std::unique_ptr<Block> block = spare_.empty() ? std::make_unique<Block>() : nullptr;
    if (!block) {
      block = std::move(spare_.back());
      spare_.pop_back();
    }
    packer_.take(block->bytes);
    block->crc = std::exchange(crc_, {}).value();
    workers_.submit(std::move(block));
    while (workers_.size() > under_way_) {
      ATHANOR_TRY(take_block());
    }
    return {};
  }

  Result<void> take_block() {
    std::unique_ptr<Block> block = workers_.take();
    if (block->failed) {
      return make_error(ErrorKind::retry, "no memory to sort a block of bzip2 data",
                        "run fewer jobs at once");
    }
    out_.append(block->bits.data(), block->bits.bits());
    stream_crc_ = bzip2::combine_crc(stream_crc_, block->crc);
    spare_.push_back(std::move(block));
    return flush();
  }

  Result<void> flush() {
    out_.flush();
    ATHANOR_TRY(sink_.write(std::span(out_.data(), out_.bits() / 8)));
    out_.drop_whole_bytes();
    return {};
  }

  Result<void> finish_stream() {
    if (!packer_.empty()) {
      ATHANOR_TRY(submit_block());
    }
    while (!workers_.empty()) {
      ATHANOR_TRY(take_block());
    }
    out_.put(bzip2::k_end_magic >> 24U, 24);
    out_.put(bzip2::k_end_magic & 0xffffffU, 24);
    out_.put(stream_crc_, 32);
    out_.put(0, static_cast<unsigned>((8 - out_.bits() % 8) % 8));
    return flush();
  }

  ByteSink& sink_;
  const std::size_t under_way_;  // blocks that may wait for their turn while more are written
  std::optional<Error> failure_;
  bool finished_ = false;
  bzip2::RunLengthPacker packer_;
  bzip2::Crc crc_;  // of the bytes in the packer
  std::uint32_t stream_crc_ = 0;
  bzip2::BitWriter out_;
  std::vector<std::unique_ptr<Block>> spare_;
  OrderedWorkers<Block, BlockWorker> workers_;
};

Bzip2Encoder::Bzip2Encoder(ByteSink& sink, Bzip2EncoderOptions options)
    : impl_(std::make_unique<Impl>(sink, options)) {
  ATHANOR_CHECK(options.level >= 1 && options.level <= 9);
}

Bzip2Encoder::~Bzip2Encoder() = default;

Result<void> Bzip2Encoder::write(std::span<const std::uint8_t> bytes) {
  return impl_->write(bytes);
}

Result<void> Bzip2Encoder::finish() {
  return impl_->finish();
}

}  // namespace athanor
