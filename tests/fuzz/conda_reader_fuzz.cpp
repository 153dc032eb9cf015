// The .conda reader on any bytes. The first byte chooses: the rest is the whole file, or it is cut
// into metadata.json and the two components' tars, which are compressed and put into a sound zip,
// so that the fuzzer gets past check values that it can't compute. What is accepted must convert,
// which includes that the result reads back as the same members.

#include "shared/archive/byte_stream.hpp"
#include "shared/archive/file_stream.hpp"
#include "shared/archive/transmute.hpp"
#include "shared/archive/zstd_codec.hpp"
#include "shared/base/check.hpp"
#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"
#include "tests/unit/shared_archive/zip_maker.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace {

class TextSink final : public athanor::PatchableSink {
 public:
  athanor::Result<void> write(std::span<const std::uint8_t> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  athanor::Result<void> patch(std::uint64_t offset, std::span<const std::uint8_t> bytes) override {
    std::memcpy(text.data() + offset, bytes.data(), bytes.size());
    return {};
  }

  std::string text;
};

std::string compress(std::string_view tar) {
  TextSink sink;
  athanor::ZstdEncoder encoder(sink, {.level = 1});
  ATHANOR_CHECK(encoder.write(athanor::bytes_of(tar)).ok());
  ATHANOR_CHECK(encoder.finish().ok());
  return sink.text;
}

// Two bytes of length, then that many bytes, as far as there are any.
std::string_view take_piece(std::string_view& input) {
  if (input.size() < 2) {
    return {};
  }
  const std::size_t length = static_cast<unsigned char>(input[0]) +
                             std::size_t{256} * static_cast<unsigned char>(input[1]);
  const std::string_view piece = input.substr(2, length);
  input.remove_prefix(std::min(input.size(), 2 + length));
  return piece;
}

std::string file_of(std::string_view input) {
  const bool whole = input.empty() || input[0] % 2 == 0;
  input.remove_prefix(std::min<std::size_t>(1, input.size()));
  if (whole) {
    return std::string(input);
  }
  const std::string metadata(take_piece(input));
  const std::string pkg = compress(take_piece(input));
  const std::string info = compress(input);
  return athanor::test::make_zip({{.name = "metadata.json", .content = metadata},
                                  {.name = "pkg-t-1-0.tar.zst", .content = pkg},
                                  {.name = "info-t-1-0.tar.zst", .content = info}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t k_most = 200'000;
  if (size > k_most) {
    return 0;
  }
  static const auto k_directory = athanor::TempDir::create("conda_reader_fuzz");
  ATHANOR_CHECK(k_directory.ok());
  const auto source = k_directory->path() / "t-1-0.conda";
  const auto result = k_directory->path() / "t-1-0.tar.bz2";
  const std::string file = file_of({reinterpret_cast<const char*>(data), size});
  ATHANOR_CHECK(athanor::write_file(source, file).ok());
  const auto report = athanor::transmute(source, result, {.zstd_level = 1});
  if (!report) {
    ATHANOR_CHECK(report.error().kind != athanor::ErrorKind::bug);
    return 0;
  }
  const auto back = athanor::transmute(result, source, {.zstd_level = 1});
  ATHANOR_CHECK(back.ok());
  return 0;
}
