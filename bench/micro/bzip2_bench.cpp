// Our bzip2 codec against libbz2 on the same made data. The argument of ours is the number of
// threads beside the caller's.

#include "shared/archive/bzip2_decoder.hpp"
#include "shared/archive/bzip2_encoder.hpp"
#include "shared/base/check.hpp"
#include "shared/base/random.hpp"
#include "tests/unit/shared_archive/bzip2_reference.hpp"
#include "tests/unit/shared_archive/bzip2_test_data.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace athanor {
namespace {

using test::Bytes;

// Like a package of compiled code: records with fields that repeat, texts and noise by turns.
Bytes make_package_like() {
  constexpr std::size_t k_size = 12'000'000;
  Random random(11);
  const Bytes words = test::text(1'000'000, 12);
  Bytes bytes;
  bytes.reserve(k_size + 70'000);
  while (bytes.size() < k_size) {
    const std::size_t from = random.below(words.size() - 60'000);
    const std::size_t size = 1'000 + random.below(50'000);
    switch (random.below(3)) {
      case 0:
        bytes.insert(bytes.end(), words.begin() + static_cast<std::ptrdiff_t>(from),
                     words.begin() + static_cast<std::ptrdiff_t>(from + size));
        break;
      case 1:
        for (std::size_t i = 0; i < size / 12; ++i) {
          const std::uint64_t noise = random.next();
          for (const unsigned shift : {0U, 0U, 64U, 64U, 8U, 16U, 64U, 64U, 24U, 27U, 30U, 64U}) {
            bytes.push_back(shift == 64 ? 0 : static_cast<std::uint8_t>((noise >> shift) & 0x3fU));
          }
        }
        break;
      default: {
        const Bytes noise = test::random_bytes(size / 8, 200, random.next());
        bytes.insert(bytes.end(), noise.begin(), noise.end());
      }
    }
  }
  return bytes;
}

const Bytes& data() {
  static const Bytes bytes = make_package_like();
  return bytes;
}

const Bytes& packed() {
  static const Bytes bytes = test::reference_compress(data(), 9);
  return bytes;
}

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data().size()));
}

void decode_ours(benchmark::State& state) {
  Bytes buffer(65536);
  packed();
  for (auto _ : state) {
    MemorySource source(packed());
    Bzip2Decoder decoder(source, {.threads = static_cast<unsigned>(state.range(0))});
    std::size_t total = 0;
    while (true) {
      const auto count = decoder.read(buffer);
      ATHANOR_CHECK(count.ok());
      if (*count == 0) {
        break;
      }
      total += *count;
    }
    ATHANOR_CHECK(total == data().size());
  }
  count_bytes(state);
}

void decode_libbz2(benchmark::State& state) {
  packed();
  for (auto _ : state) {
    benchmark::DoNotOptimize(test::reference_decompress(packed()));
  }
  count_bytes(state);
}

void encode_ours(benchmark::State& state) {
  data();
  for (auto _ : state) {
    Bytes out;
    MemorySink sink(out);
    Bzip2Encoder encoder(sink, {.threads = static_cast<unsigned>(state.range(0))});
    ATHANOR_CHECK(encoder.write(data()).ok());
    ATHANOR_CHECK(encoder.finish().ok());
    benchmark::DoNotOptimize(out);
  }
  count_bytes(state);
}

void encode_libbz2(benchmark::State& state) {
  data();
  for (auto _ : state) {
    benchmark::DoNotOptimize(test::reference_compress(data(), 9));
  }
  count_bytes(state);
}

BENCHMARK(decode_ours)
    ->Arg(0)
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(decode_libbz2)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(encode_ours)
    ->Arg(0)
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(encode_libbz2)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace athanor
