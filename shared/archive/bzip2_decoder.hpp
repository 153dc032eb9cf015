#pragma once

#include "shared/archive/byte_stream.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace athanor {

// What to do with bytes that follow the last bzip2 stream and begin no other one.
enum class Bzip2Trailing {
  reject,  // fail with ErrorKind::rejected, after all of the data has been delivered
  report,  // end; has_trailing_data() tells
};

struct Bzip2DecoderOptions {
  // Threads that decode ahead of the caller's, which works as well. 0: everything happens in the
  // caller's thread. The bytes, errors and counts are the same for any number.
  unsigned threads = 0;
  Bzip2Trailing trailing = Bzip2Trailing::reject;
};

// Decompresses bzip2: one stream, or several one after the other, like the bzip2 program does it.
//
// Every block's and every stream's check value is verified. A block is accepted only where the one
// before it ended, so that data which looks like the beginning of a block does no harm. Data that
// is damaged, or ends too early at whatever byte, is ErrorKind::corrupt; bytes of the failing block
// may have been delivered before. Randomised blocks, which no program has written since 1999, are
// ErrorKind::unsupported. What the result expands to isn't bounded here.
//
// Memory: at most 16 MiB, and 10 MiB more for each thread. The source is read only inside read(),
// by the caller's thread, up to 3 MB ahead (with threads: two blocks more for each).
// Not thread-safe; may be destroyed at any time.
class Bzip2Decoder final : public ByteSource {
 public:
  // The source must outlive the decoder.
  Bzip2Decoder(ByteSource& source, Bzip2DecoderOptions options);
  ~Bzip2Decoder() override;

  Result<std::size_t> read(std::span<std::uint8_t> out) override;

  // So far: streams and blocks begun, bytes delivered. An archive reader that accepts one stream
  // only looks at streams() when read() has returned 0.
  std::uint64_t streams() const;
  std::uint64_t blocks() const;
  std::uint64_t bytes_delivered() const;
  // Compressed bytes up to the end of the last block or stream that was decoded.
  std::uint64_t bytes_consumed() const;
  // Known once read() has returned 0.
  bool has_trailing_data() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace athanor
