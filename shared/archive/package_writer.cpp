#include "shared/archive/package_writer.hpp"

#include "shared/archive/crc32.hpp"
#include "shared/archive/zip_format.hpp"
#include "shared/base/check.hpp"
#include "shared/base/units.hpp"
#include "shared/os/atomic_file.hpp"
#include "shared/os/files.hpp"

#include <algorithm>
#include <utility>

namespace athanor {
namespace {

constexpr std::uint64_t k_spool_memory_bytes = 4_MiB;

std::uint64_t pkg_offset(const CondaWriterOptions& options) {
  return conda_front().size() +
         conda_header_bytes(component_name("pkg", options.stem), options.zip64);
}

}  // namespace

TarBz2Writer::TarBz2Writer(const Fd& fd, const std::filesystem::path& path, unsigned threads)
    : file_(fd, path, 0),
      bzip2_(file_, {.threads = threads}),
      tar_(bzip2_) {}

Result<std::uint64_t> TarBz2Writer::finish() {
  ATHANOR_TRY(tar_.finish());
  ATHANOR_TRY(bzip2_.finish());
  return file_.end();
}

Result<void> MemberSink::write(std::span<const std::uint8_t> bytes) {
  ATHANOR_TRY(put(size_, bytes));
  size_ += bytes.size();
  const std::size_t in_head = std::min(bytes.size(), k_patchable_bytes - head_.size());
  head_.insert(head_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(in_head));
  rest_crc_ = crc32(rest_crc_, bytes.subspan(in_head));
  return {};
}

Result<void> MemberSink::patch(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  ATHANOR_CHECK(offset + bytes.size() <= head_.size());
  std::copy(bytes.begin(), bytes.end(), head_.begin() + static_cast<std::ptrdiff_t>(offset));
  return put(offset, bytes);
}

std::uint32_t MemberSink::crc() const {
  return combine_crc32(crc32(0, head_), rest_crc_, size_ - head_.size());
}

Result<void> PlacedMember::put(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  if (offset + bytes.size() > max_bytes_) {
    overflowed_ = true;
    return make_error(ErrorKind::unsupported, "the package is larger than its header can say");
  }
  return write_at(fd_, offset_ + offset, bytes, path_);
}

Result<void> SpooledMember::put(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  if (!file_.valid() && offset + bytes.size() <= k_spool_memory_bytes) {
    memory_.resize(std::max<std::size_t>(memory_.size(), offset + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), memory_.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  if (!file_.valid()) {
    ATHANOR_ASSIGN(UniqueFile file,
                   create_unique_file(result_.parent_path().empty() ? "." : result_.parent_path(),
                                      "." + result_.filename().native() + ".", ".tmp"));
    ATHANOR_TRY(remove_file(file.path));
    file_ = std::move(file.fd);
    ATHANOR_TRY(write_at(file_, 0, memory_, result_));
    memory_ = {};
  }
  return write_at(file_, offset, bytes, result_);
}

Result<void> SpooledMember::copy_to(FileSink& sink) {
  if (!file_.valid()) {
    return sink.write(memory_);
  }
  FileSource source(file_, result_, 0, size());
  std::vector<std::uint8_t> buffer(256_KiB);
  while (true) {
    ATHANOR_ASSIGN(const std::size_t count, source.read(buffer));
    if (count == 0) {
      return {};
    }
    ATHANOR_TRY(sink.write(std::span(buffer).first(count)));
  }
}

CondaWriter::CondaWriter(const Fd& fd, const std::filesystem::path& path,
                         const CondaWriterOptions& options)
    : fd_(fd),
      path_(path),
      options_(options),
      pkg_{.name = component_name("pkg", options.stem)},
      info_{.name = component_name("info", options.stem)},
      pkg_sink_(fd, path, pkg_offset(options),
                options.zip64 == Zip64::yes ? ~std::uint64_t{0} >> 1U : zip::k_in_extra - 1),
      info_sink_(path),
      pkg_zstd_(pkg_sink_, {.level = options.zstd_level, .threads = std::max(1U, options.threads)}),
      info_zstd_(info_sink_, {.level = options.zstd_level, .threads = 1}),
      pkg_tar_(pkg_zstd_),
      info_tar_(info_zstd_) {}

Result<void> CondaWriter::begin(const TarEntry& entry) {
  current_ = component_of(entry.path) == Component::info ? &info_tar_ : &pkg_tar_;
  return current_->begin(entry);
}

Result<void> CondaWriter::write(std::span<const std::uint8_t> content) {
  ATHANOR_CHECK(current_ != nullptr);
  return current_->write(content);
}

Result<std::uint64_t> CondaWriter::finish() {
  ATHANOR_TRY(pkg_tar_.finish());
  ATHANOR_TRY(pkg_zstd_.finish());
  ATHANOR_TRY(info_tar_.finish());
  ATHANOR_TRY(info_zstd_.finish());
  pkg_.offset = pkg_offset(options_);
  pkg_.size = pkg_sink_.size();
  pkg_.crc = pkg_sink_.crc();
  ATHANOR_TRY(
      write_at(fd_, 0, bytes_of(conda_front() + conda_header(pkg_, options_.zip64)), path_));
  const std::uint64_t info_header = pkg_.offset + pkg_.size;
  info_.offset = info_header + conda_header_bytes(info_.name, Zip64::no);
  info_.size = info_sink_.size();
  info_.crc = info_sink_.crc();
  if (info_.size >= zip::k_in_extra) {
    return make_error(ErrorKind::unsupported, "the package has more than 4 GiB below info/",
                      "such a package can't be converted to .conda");
  }
  FileSink sink(fd_, path_, info_header);
  ATHANOR_TRY(sink.write(bytes_of(conda_header(info_, Zip64::no))));
  ATHANOR_TRY(info_sink_.copy_to(sink));
  ATHANOR_TRY(sink.write(bytes_of(conda_directory(pkg_, info_, options_.zip64, sink.end()))));
  return sink.end();
}

}  // namespace athanor
