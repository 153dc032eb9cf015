#include "shared/archive/bzip2_decoder.hpp"
#include "shared/archive/zstd_codec.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "shared/repodata/repodata_cache.hpp"

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <vector>

namespace athanor {
namespace {

constexpr std::size_t k_piece = 256 * 1024;

class PlainFile final : public ByteSource {
 public:
  PlainFile(Fd file, std::filesystem::path path)
      : file_(std::move(file)),
        path_(std::move(path)) {}

  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    ATHANOR_ASSIGN(const std::size_t count, read_at(file_, offset_, out, path_));
    offset_ += count;
    return count;
  }

 private:
  Fd file_;
  std::filesystem::path path_;
  std::uint64_t offset_ = 0;
};

}  // namespace

Result<void> read_document(const std::filesystem::path& path, const DocumentSink& sink) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return system_error(errno, "cannot open '" + path.string() + "'");
  }
  PlainFile file(std::move(fd), path);
  std::unique_ptr<ByteSource> decoder;
  if (path.extension() == ".zst") {
    decoder = std::make_unique<ZstdDecoder>(file);
  } else if (path.extension() == ".bz2") {
    decoder = std::make_unique<Bzip2Decoder>(file, Bzip2DecoderOptions{});
  }
  ByteSource& source = decoder ? *decoder : file;
  std::vector<std::uint8_t> piece(k_piece);
  std::uint64_t total = 0;
  while (true) {
    ATHANOR_ASSIGN(const std::size_t count, source.read(piece));
    if (count == 0) {
      return {};
    }
    total += count;
    if (total > limits::k_repodata_bytes) {
      return make_error(ErrorKind::rejected,
                        "the index has more than " + human_size(limits::k_repodata_bytes));
    }
    ATHANOR_TRY(sink(std::span(piece).first(count)));
  }
}

}  // namespace athanor
