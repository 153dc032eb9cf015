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
  std::filesystem::path path;
  Fd fd;
  std::uint64_t size = 0;
  Options options;
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
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->options = options;
  ATHANOR_ASSIGN(impl->fd, open_file(path, O_RDONLY));
  struct stat status {};
  if (::fstat(impl->fd.get(), &status) != 0) {
    return system_error(errno, "cannot read " + quoted(path));
  }
  if (!S_ISREG(status.st_mode)) {
    return make_error(ErrorKind::invalid, quoted(path) + " isn't a file");
  }
  impl->size = static_cast<std::uint64_t>(status.st_size);
  if (format == Format::conda) {
    ATHANOR_ASSIGN(CondaParts parts, read_conda_container(impl->fd, path, impl->size,
                                                          stem_of(path, Format::conda)));
    impl->component = std::make_unique<ComponentReader>(
        impl->fd, path, parts.info, unpacked_bytes_allowed(impl->size), options.stop);
    impl->following = std::move(parts.pkg);
    impl->tar = &impl->component->tar;
  } else if (format == Format::tar_bz2) {
    impl->tar_bz2 = std::make_unique<TarBz2Reader>(impl->fd, path, impl->size, options);
    impl->tar = &impl->tar_bz2->tar;
  } else {
    return make_error(ErrorKind::invalid, quoted(path) + " isn't a conda package");
  }
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
    self.component = std::make_unique<ComponentReader>(self.fd, self.path, *self.following,
                                                       unpacked_bytes_allowed(self.size),
                                                       self.options.stop);
    self.following.reset();
    self.tar = &self.component->tar;
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
  return digest_of_file(impl_->fd, impl_->path, impl_->size, impl_->options.stop);
}

std::string stem_of(const std::filesystem::path& path, Format format) {
  std::string name = path.filename().native();
  const std::size_t length = extension(format).size();
  ATHANOR_CHECK(name.size() >= length);
  name.resize(name.size() - length);
  return name;
}

}  // namespace athanor
