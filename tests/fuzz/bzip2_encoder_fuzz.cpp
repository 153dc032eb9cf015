// What our encoder writes is read back by our decoder and by libbz2. The first two bytes of the
// input say how often the rest is repeated and how it is cut into writes.

#include "shared/archive/bzip2_decoder.hpp"
#include "shared/archive/bzip2_encoder.hpp"
#include "shared/base/check.hpp"
#include "tests/unit/shared_archive/bzip2_reference.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace {

using athanor::test::Bytes;

constexpr std::size_t k_most = 300'000;  // three blocks of level 1

Bytes encode(std::span<const std::uint8_t> data, std::size_t write, unsigned threads) {
  Bytes out;
  athanor::MemorySink sink(out);
  athanor::Bzip2Encoder encoder(sink, {.threads = threads, .level = 1});
  while (!data.empty()) {
    const std::size_t count = std::min(write, data.size());
    ATHANOR_CHECK(encoder.write(data.first(count)).ok());
    data = data.subspan(count);
  }
  ATHANOR_CHECK(encoder.finish().ok());
  return out;
}

Bytes decode(const Bytes& packed, std::size_t size) {
  athanor::MemorySource source(packed);
  athanor::Bzip2Decoder decoder(source, {});
  Bytes out(size + 1);
  std::size_t done = 0;
  while (true) {
    const auto count = decoder.read(std::span(out).subspan(done));
    ATHANOR_CHECK(count.ok());
    if (*count == 0) {
      break;
    }
    done += *count;
  }
  out.resize(done);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::span<const std::uint8_t> period(data + 2, size - 2);
  const std::size_t times = std::size_t{1} << (data[0] % 16);
  Bytes input;
  for (std::size_t i = 0; i < times && input.size() + period.size() <= k_most; ++i) {
    input.insert(input.end(), period.begin(), period.end());
  }
  const std::size_t write = data[1] == 0 ? k_most : data[1];
  const Bytes packed = encode(input, write, 0);
  ATHANOR_CHECK(decode(packed, input.size()) == input);
  ATHANOR_CHECK(athanor::test::reference_decompress(packed) == input);
  if (size % 8 == 0) {
    ATHANOR_CHECK(encode(input, k_most, 2) == packed);
  }
  return 0;
}
