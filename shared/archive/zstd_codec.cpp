#include "shared/archive/zstd_codec.hpp"

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/units.hpp"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <string>

namespace athanor {
namespace {

constexpr std::size_t k_held_bytes = 2_MiB;
// Magic, descriptor, window: what zstd writes in front of content of unknown size.
constexpr std::size_t k_short_head_bytes = 6;
constexpr std::size_t k_content_size_bytes = 8;

// Long content is cut into jobs that are compressed independently but for a look at the end of the
// job before. Both sizes change the bytes, so they are fixed here for each level and never left to
// zstd. Small jobs keep memory low and give helpers work early; what the look back costs in time
// grows with the level, what it saves in size doesn't (measured on packages of 20 and 150 MB).
struct JobShape {
  int bytes = 0;
  int overlap_log = 0;  // 9: a whole window; one less: half of that
};

JobShape job_shape(int level) {
  constexpr int k_mebibyte = 1024 * 1024;
  if (level <= 8) {
    return {4 * k_mebibyte, 8};
  }
  return {8 * k_mebibyte, level <= 15 ? 7 : 5};
}

Error zstd_failure(std::size_t code, std::string_view what) {
  return make_error(ErrorKind::bug, std::string(what) + ": zstd says: " + ZSTD_getErrorName(code));
}

Error decode_failure(std::size_t code) {
  const ZSTD_ErrorCode why = ZSTD_getErrorCode(code);
  if (why == ZSTD_error_frameParameter_windowTooLarge) {
    return make_error(ErrorKind::unsupported,
                      "the zstd data needs a window of more than 128 MiB to be read",
                      "no conda client can read the package");
  }
  if (why == ZSTD_error_dictionary_wrong) {
    return make_error(ErrorKind::unsupported, "the zstd data needs a dictionary");
  }
  if (why == ZSTD_error_memory_allocation) {
    return make_error(ErrorKind::retry, "not enough memory for zstd");
  }
  return make_error(ErrorKind::corrupt,
                    std::string("the zstd data is damaged: ") + ZSTD_getErrorName(code),
                    "fetch the package again");
}

}  // namespace

struct ZstdEncoder::Context {
  ZSTD_CCtx* value = ZSTD_createCCtx();

  Context() { ATHANOR_CHECK(value != nullptr); }
  ~Context() { ZSTD_freeCCtx(value); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Result<void> set(ZSTD_cParameter parameter, int to) {
    const std::size_t code = ZSTD_CCtx_setParameter(value, parameter, to);
    return ZSTD_isError(code) != 0 ? Result<void>(zstd_failure(code, "cannot set up compression"))
                                   : Result<void>();
  }
};

ZstdEncoder::ZstdEncoder(PatchableSink& sink, const ZstdEncoderOptions& options)
    : sink_(sink),
      options_(options) {
  ATHANOR_CHECK(options.level >= 1 && options.level <= 19 && options.threads >= 1);
}

ZstdEncoder::~ZstdEncoder() = default;

Result<void> ZstdEncoder::write(std::span<const std::uint8_t> bytes) {
  content_bytes_ += bytes.size();
  if (!long_frame_) {
    if (held_.size() + bytes.size() <= k_held_bytes) {
      held_.insert(held_.end(), bytes.begin(), bytes.end());
      return {};
    }
    ATHANOR_TRY(begin_long_frame());
  }
  return feed(bytes, false);
}

Result<void> ZstdEncoder::begin_long_frame() {
  long_frame_ = true;
  context_ = std::make_unique<Context>();
  ATHANOR_TRY(context_->set(ZSTD_c_compressionLevel, options_.level));
  // Zero workers would make other bytes than one or more.
  ATHANOR_TRY(context_->set(ZSTD_c_nbWorkers, static_cast<int>(options_.threads)));
  const JobShape jobs = job_shape(options_.level);
  ATHANOR_TRY(context_->set(ZSTD_c_jobSize, jobs.bytes));
  ATHANOR_TRY(context_->set(ZSTD_c_overlapLog, jobs.overlap_log));
  ATHANOR_TRY(feed(held_, false));
  held_.clear();
  held_.shrink_to_fit();
  return {};
}

Result<void> ZstdEncoder::finish() {
  if (long_frame_) {
    ATHANOR_TRY(feed({}, true));
    ATHANOR_CHECK(head_written_);
    std::array<std::uint8_t, k_content_size_bytes> size{};
    for (std::size_t i = 0; i < size.size(); ++i) {
      size[i] = static_cast<std::uint8_t>(content_bytes_ >> (8 * i));
    }
    ATHANOR_TRY(sink_.patch(k_short_head_bytes, size));
  } else {
    context_ = std::make_unique<Context>();
    ATHANOR_TRY(context_->set(ZSTD_c_compressionLevel, options_.level));
    const std::size_t code = ZSTD_CCtx_setPledgedSrcSize(context_->value, held_.size());
    ATHANOR_CHECK(ZSTD_isError(code) == 0);
    ATHANOR_TRY(feed(held_, true));
  }
  context_.reset();
  return {};
}

Result<void> ZstdEncoder::feed(std::span<const std::uint8_t> bytes, bool last) {
  out_.resize(ZSTD_CStreamOutSize());
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (true) {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    const std::size_t left =
        ZSTD_compressStream2(context_->value, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left) != 0) {
      return zstd_failure(left, "cannot compress");
    }
    ATHANOR_TRY(emit(std::span(out_).first(out.pos)));
    if (last ? left == 0 : in.pos == in.size) {
      return {};
    }
  }
}

Result<void> ZstdEncoder::emit(std::span<const std::uint8_t> bytes) {
  if (long_frame_ && !head_written_) {
    const std::size_t count = std::min(bytes.size(), k_short_head_bytes - head_.size());
    head_.insert(head_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (head_.size() < k_short_head_bytes) {
      return {};
    }
    // Descriptor of RFC 8878, 3.1.1.1.1: no content size, no single segment, no dictionary so far;
    // it gets a content size of 8 bytes.
    constexpr std::size_t k_descriptor = 4;
    ATHANOR_CHECK((head_[k_descriptor] & 0xe3U) == 0);
    head_[k_descriptor] |= 0xc0U;
    head_.resize(k_short_head_bytes + k_content_size_bytes);
    static_assert(k_short_head_bytes + k_content_size_bytes <= k_patchable_bytes);
    head_written_ = true;
    ATHANOR_TRY(sink_.write(head_));
  }
  return bytes.empty() ? Result<void>() : sink_.write(bytes);
}

struct ZstdDecoder::Context {
  ZSTD_DCtx* value = ZSTD_createDCtx();

  Context() { ATHANOR_CHECK(value != nullptr); }
  ~Context() { ZSTD_freeDCtx(value); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

ZstdDecoder::ZstdDecoder(ByteSource& source)
    : source_(source),
      context_(std::make_unique<Context>()),
      in_(ZSTD_DStreamInSize()) {
  const std::size_t code = ZSTD_DCtx_setParameter(context_->value, ZSTD_d_windowLogMax,
                                                  static_cast<int>(limits::k_zstd_window_log));
  ATHANOR_CHECK(ZSTD_isError(code) == 0);
}

ZstdDecoder::~ZstdDecoder() = default;

Result<std::size_t> ZstdDecoder::read(std::span<std::uint8_t> out) {
  ZSTD_outBuffer target{out.data(), out.size(), 0};
  while (target.pos == 0) {
    if (begin_ == end_) {
      begin_ = 0;
      ATHANOR_ASSIGN(end_, source_.read(in_));
    }
    if (frame_ended_) {
      if (end_ == 0) {
        return std::size_t{0};
      }
      return make_error(ErrorKind::rejected, "something follows the zstd frame",
                        "some clients would read it and others wouldn't; don't use the package");
    }
    const bool source_ended = end_ == 0;
    ZSTD_inBuffer in{in_.data(), end_, begin_};
    const std::size_t hint = ZSTD_decompressStream(context_->value, &target, &in);
    if (ZSTD_isError(hint) != 0) {
      return decode_failure(hint);
    }
    begin_ = in.pos;
    frame_ended_ = hint == 0;
    if (source_ended && !frame_ended_ && target.pos == 0) {
      return make_error(ErrorKind::corrupt, "the zstd data is truncated",
                        "fetch the package again");
    }
  }
  return target.pos;
}

std::string_view zstd_version() {
  return ZSTD_versionString();
}

}  // namespace athanor
