#pragma once

#include "shared/archive/zstd_codec.hpp"
#include "tests/support/results.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::test {

// One zstd frame.
inline std::string zstd(std::string_view text) {
  class Sink final : public PatchableSink {
   public:
    Result<void> write(std::span<const std::uint8_t> more) override {
      bytes.insert(bytes.end(), more.begin(), more.end());
      return {};
    }
    Result<void> patch(std::uint64_t offset, std::span<const std::uint8_t> part) override {
      std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
      return {};
    }
    std::vector<std::uint8_t> bytes;
  };
  Sink sink;
  ZstdEncoder encoder(sink, {.level = 1});
  must(encoder.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));  // NOLINT
  must(encoder.finish());
  return {sink.bytes.begin(), sink.bytes.end()};
}

}  // namespace athanor::test
