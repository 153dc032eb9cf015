#include "shared/archive/package_reader.hpp"

#include "shared/archive/bzip2_decoder.hpp"
#include "shared/archive/conda_container.hpp"
#include "shared/archive/crc32.hpp"
#include "shared/archive/file_stream.hpp"
#include "shared/archive/member_rules.hpp"
#include "shared/archive/tar_reader.hpp"
#include "shared/archive/zstd_codec.hpp"
#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/path_text.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace athanor {
namespace {

// A stored zip member's bytes; its CRC is checked at its end.
class CheckedMember final : public ByteSource {
 public:
  CheckedMember(const Fd& fd, const std::filesystem::path& path, const ZipMember& member)
      : file_(fd, path, member.offset, member.size),
        member_(member) {}

  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    ATHANOR_ASSIGN(const std::size_t count, file_.read(out));
    crc_ = crc32(crc_, out.first(count));
    if (count == 0 && crc_ != member_.crc) {
      return make_error(ErrorKind::corrupt,
                        "the check value of '" + printable(member_.name) + "' is wrong",
                        "fetch the package again");
    }
    return count;
  }

 private:
  FileSource file_;
  const ZipMember member_;
  std::uint32_t crc_ = 0;
};

// One component of a .conda file on its way from the file to tar entries.
struct ComponentReader {
  ComponentReader(const Fd& fd, const std::filesystem::path& path, const ZipMember& member,
                  std::uint64_t allowed, const std::stop_token& stop)
      : stored(fd, path, member),
        unpacked(stored),
        guarded(unpacked, allowed, stop),
        tar(guarded) {}

  CheckedMember stored;
  ZstdDecoder unpacked;
  GuardedSource guarded;
  TarReader tar;
};

// The same for a .tar.bz2.
struct TarBz2Reader {
  TarBz2Reader(const Fd& fd, const std::filesystem::path& path, std::uint64_t size,
               const PackageReader::Options& options)
      : file(fd, path, 0, size),
        hashed(file),
        unpacked(hashed, {.threads = options.threads}),
        guarded(unpacked, unpacked_bytes_allowed(size), options.stop),
        tar(guarded) {}

  FileSource file;
  HashingSource hashed;
  Bzip2Decoder unpacked;
  GuardedSource guarded;
  TarReader tar;
};

}  // namespace

struct PackageReader::Impl {
  Impl(std::filesystem::path path_for_messages, Options reading)
      : path(std::move(path_for_messages)),
        options(std::move(reading)) {}

  Result<void> begin(const Fd& file, Format format, const std::string& stem) {
    fd = &file;
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) {
      return system_error(errno, "cannot read " + quoted(path));
    }
    if (!S_ISREG(status.st_mode)) {
      return make_error(ErrorKind::invalid, quoted(path) + " isn't a file");
    }
    size = static_cast<std::uint64_t>(status.st_size);
    if (format == Format::tar_bz2) {
      tar_bz2 = std::make_unique<TarBz2Reader>(*fd, path, size, options);
      tar = &tar_bz2->tar;
      return {};
    }
    if (format != Format::conda) {
      return make_error(ErrorKind::invalid, quoted(path) + " isn't a conda package");
    }
    ATHANOR_ASSIGN(CondaParts parts, read_conda_container(*fd, path, size, stem));
    following = std::move(parts.pkg);
    enter(parts.info);
    return {};
  }

  void enter(const ZipMember& member) {
    component = std::make_unique<ComponentReader>(*fd, path, member, unpacked_bytes_allowed(size),
                                                  options.stop);
    tar = &component->tar;
  }

  const std::filesystem::path path;
  const Options options;
  Fd own_fd;
  const Fd* fd = nullptr;
  std::uint64_t size = 0;
  std::unique_ptr<TarBz2Reader> tar_bz2;
  std::unique_ptr<ComponentReader> component;
  std::optional<ZipMember> following;  // the component after this one
  TarReader* tar = nullptr;            // of the current one
};

PackageReader::PackageReader(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
PackageReader::PackageReader(PackageReader&&) noexcept = default;
PackageReader& PackageReader::operator=(PackageReader&&) noexcept = default;
PackageReader::~PackageReader() = default;

Result<PackageReader> PackageReader::open(const std::filesystem::path& path, Format format,
                                          Options options) {
  if (format_of_filename(path.filename().native(), PackageType::conda) != format) {
    return make_error(ErrorKind::invalid, quoted(path) + " isn't named like a conda package");
  }
  auto impl = std::make_unique<Impl>(path, std::move(options));
  ATHANOR_ASSIGN(impl->own_fd, athanor::open_file(path, O_RDONLY));
  ATHANOR_TRY(impl->begin(impl->own_fd, format, stem_of(path, format)));
  return PackageReader(std::move(impl));
}

Result<PackageReader> PackageReader::open_file(const Fd& fd, const std::filesystem::path& path,
                                               Format format, const std::string& stem,
                                               Options options) {
  auto impl = std::make_unique<Impl>(path, std::move(options));
  ATHANOR_TRY(impl->begin(fd, format, stem));
  return PackageReader(std::move(impl));
}

Result<std::optional<TarEntry>> PackageReader::next() {
  Impl& self = *impl_;
  while (true) {
    ATHANOR_ASSIGN(auto entry, self.tar->next());
    if (entry) {
      return entry;
    }
    if (!self.following) {
      break;
    }
    const ZipMember member = *std::exchange(self.following, std::nullopt);
    self.enter(member);
  }
  if (self.tar_bz2 && self.tar_bz2->unpacked.streams() != 1) {
    return make_error(ErrorKind::rejected, "the package consists of several bzip2 streams",
                      "some conda clients read only the first; compress it again as one");
  }
  return std::optional<TarEntry>();
}

Result<std::span<const std::uint8_t>> PackageReader::read_content() {
  return impl_->tar->read_content();
}

std::uint64_t PackageReader::file_size() const {
  return impl_->size;
}

Result<Digest> PackageReader::digest() {
  if (impl_->tar_bz2) {
    return impl_->tar_bz2->hashed.finish();
  }
  return digest_of_file(*impl_->fd, impl_->path, impl_->size, impl_->options.stop);
}

std::string stem_of(const std::filesystem::path& path, Format format) {
  std::string name = path.filename().native();
  const std::size_t length = extension(format).size();
  ATHANOR_CHECK(name.size() >= length);
  name.resize(name.size() - length);
  return name;
}

}  // namespace athanor
