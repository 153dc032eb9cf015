#pragma once

#include "shared/archive/byte_stream.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace athanor {

// A sink whose first bytes may be corrected once everything is known.
class PatchableSink : public ByteSink {
 public:
  // REQUIRES: the bytes were written before, and among the first k_patchable_bytes.
  virtual Result<void> patch(std::uint64_t offset, std::span<const std::uint8_t> bytes) = 0;
};
inline constexpr std::size_t k_patchable_bytes = 32;

// Which bytes zstd makes depends on these, on the content and on zstd's version, on nothing else.
struct ZstdEncoderOptions {
  int level = 6;         // 1 to 19
  unsigned threads = 1;  // compressing beside the caller's, at least 1; doesn't change the bytes
};

// Compresses to one zstd frame that says its content's size, without holding or storing the
// content: up to 2 MiB are kept and compressed at once; of longer content the size is put into the
// frame's head when it is known. No checksum: the zip around it has one, and no conda package has
// it. Not thread-safe.
class ZstdEncoder final : public ByteSink {
 public:
  // `sink` must outlive the encoder.
  ZstdEncoder(PatchableSink& sink, const ZstdEncoderOptions& options);
  ~ZstdEncoder() override;

  Result<void> write(std::span<const std::uint8_t> bytes) override;
  // Ends the frame.
  Result<void> finish();

 private:
  struct Context;

  Result<void> begin_long_frame();
  Result<void> feed(std::span<const std::uint8_t> bytes, bool last);
  Result<void> emit(std::span<const std::uint8_t> bytes);

  PatchableSink& sink_;
  const ZstdEncoderOptions options_;
  std::unique_ptr<Context> context_;
  std::vector<std::uint8_t> held_;  // content so far, until there is too much of it
  std::vector<std::uint8_t> head_;  // the first bytes of a long frame, until they are complete
  std::vector<std::uint8_t> out_;
  std::uint64_t content_bytes_ = 0;
  bool long_frame_ = false;
  bool head_written_ = false;
};

// Decompresses exactly one zstd frame. Memory: its window, at most 128 MiB (what all conda clients
// accept), and 256 KiB. Not thread-safe.
//
// Errors: corrupt (damaged, truncated), unsupported (larger window, dictionary), rejected (another
// frame or other bytes follow: some readers stop after the first).
class ZstdDecoder final : public ByteSource {
 public:
  // `source` must outlive the decoder.
  explicit ZstdDecoder(ByteSource& source);
  ~ZstdDecoder() override;

  Result<std::size_t> read(std::span<std::uint8_t> out) override;

 private:
  struct Context;

  ByteSource& source_;
  std::unique_ptr<Context> context_;
  std::vector<std::uint8_t> in_;
  std::size_t begin_ = 0;  // the unread part of in_
  std::size_t end_ = 0;
  bool frame_ended_ = false;
};

// "1.5.4": goes where results of different versions must be told apart.
std::string_view zstd_version();

}  // namespace athanor
