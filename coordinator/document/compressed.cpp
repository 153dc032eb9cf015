#include "coordinator/document/compressed.hpp"

#include "shared/archive/zstd_codec.hpp"
#include "shared/base/check.hpp"
#include "shared/base/units.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace athanor::coordinator {
namespace {

constexpr int k_level = 6;

class StringSink final : public PatchableSink {
 public:
  Result<void> write(std::span<const std::uint8_t> bytes) override {
    std::transform(bytes.begin(), bytes.end(), std::back_inserter(text_),
                   [](std::uint8_t byte) { return static_cast<char>(byte); });
    return {};
  }
  Result<void> patch(std::uint64_t offset, std::span<const std::uint8_t> bytes) override {
    ATHANOR_CHECK(offset + bytes.size() <= text_.size());
    std::transform(bytes.begin(), bytes.end(), text_.begin() + static_cast<std::ptrdiff_t>(offset),
                   [](std::uint8_t byte) { return static_cast<char>(byte); });
    return {};
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  // Characters are bytes; the archive module calls them so.
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};  // NOLINT
}

}  // namespace

Result<std::string> compress(std::string_view bytes) {
  StringSink sink;
  ZstdEncoder encoder(sink, {.level = k_level, .threads = 1});
  ATHANOR_TRY(encoder.write(bytes_of(bytes)));
  ATHANOR_TRY(encoder.finish());
  return sink.take();
}

Result<std::string> decompress(std::string_view frame, std::uint64_t most) {
  MemorySource source(bytes_of(frame));
  ZstdDecoder decoder(source);
  std::string text;
  std::array<std::uint8_t, 65'536> piece;
  while (true) {
    ATHANOR_ASSIGN(const std::size_t count, decoder.read(piece));
    if (count == 0) {
      return text;
    }
    if (text.size() + count > most) {
      return make_error(ErrorKind::rejected, "it holds more than " + human_size(most));
    }
    std::transform(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count),
                   std::back_inserter(text),
                   [](std::uint8_t byte) { return static_cast<char>(byte); });
  }
}

}  // namespace athanor::coordinator
