#pragma once

#include "shared/archive/byte_stream.hpp"
#include "shared/base/result.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace athanor {

struct Bzip2EncoderOptions {
  // Threads that compress beside the caller's, which works as well when it would have to wait.
  // 0: everything happens in the caller's thread. The bytes are the same for any number.
  unsigned threads = 0;
  // Blocks of 100,000 to 900,000 bytes: 1 to 9.
  unsigned level = 9;
};

// Compresses to one bzip2 stream, which every reader can read. The output depends on the bytes
// written, on the level and on this version of the encoder only: not on the sizes of the writes,
// the number of threads or the machine. It isn't the same as that of the bzip2 program.
//
// Memory: at most 32 MiB, and 28 MiB more for each thread; half of that for ordinary data. The sink
// is used only inside write() and finish(), by the caller's thread. Errors are the sink's, and
// ErrorKind::retry when there is no memory for sorting; after one the encoder is dead. Not
// thread-safe; may be destroyed at any time.
class Bzip2Encoder final : public ByteSink {
 public:
  // The sink must outlive the encoder.
  Bzip2Encoder(ByteSink& sink, Bzip2EncoderOptions options);
  ~Bzip2Encoder() override;

  Result<void> write(std::span<const std::uint8_t> bytes) override;
  // Writes what is still missing. To be called once, after the last write(); nothing written is a
  // valid stream of nothing. Doesn't finish the sink.
  Result<void> finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace athanor
