#pragma once

#include <bzlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <vector>

// libbz2, against which our own codec is tested.
namespace athanor::test {

using Bytes = std::vector<std::uint8_t>;

inline char* as_chars(std::uint8_t* bytes) {
  return reinterpret_cast<char*>(bytes);
}

// One stream at the level (1 to 9).
inline Bytes reference_compress(std::span<const std::uint8_t> data, int level) {
  Bytes input(data.begin(), data.end());
  input.resize(input.size() + 1);  // libbz2 wants a pointer even for nothing
  auto size = static_cast<unsigned>(data.size() + data.size() / 50 + 1000);
  Bytes out(size);
  if (BZ2_bzBuffToBuffCompress(as_chars(out.data()), &size, as_chars(input.data()),
                               static_cast<unsigned>(data.size()), level, 0, 0) != BZ_OK) {
    std::abort();
  }
  out.resize(size);
  return out;
}

// All streams one after the other, as the bzip2 program does it; empty if libbz2 refuses. What
// follows the last stream and is no header is ignored.
inline std::optional<Bytes> reference_decompress(std::span<const std::uint8_t> data) {
  Bytes input(data.begin(), data.end());
  Bytes out;
  Bytes buffer(65536);
  std::size_t at = 0;
  do {
    bz_stream stream{};
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) {
      std::abort();
    }
    stream.next_in = as_chars(input.data() + at);
    stream.avail_in = static_cast<unsigned>(input.size() - at);
    int status = BZ_OK;
    while (status == BZ_OK) {
      stream.next_out = as_chars(buffer.data());
      stream.avail_out = static_cast<unsigned>(buffer.size());
      status = BZ2_bzDecompress(&stream);
      const std::size_t made = buffer.size() - stream.avail_out;
      out.insert(out.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(made));
      if (status == BZ_OK && made == 0 && stream.avail_in == 0) {
        status = BZ_UNEXPECTED_EOF;
      }
    }
    const std::size_t left = stream.avail_in;
    BZ2_bzDecompressEnd(&stream);
    if (status == BZ_DATA_ERROR_MAGIC && at > 0) {
      return out;
    }
    if (status != BZ_STREAM_END) {
      return std::nullopt;
    }
    at = input.size() - left;
  } while (at < input.size());
  return out;
}

}  // namespace athanor::test
