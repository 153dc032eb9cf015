#include "shared/archive/transmute.hpp"

#include "shared/archive/file_stream.hpp"
#include "shared/archive/member_fingerprint.hpp"
#include "shared/archive/member_path.hpp"
#include "shared/archive/member_rules.hpp"
#include "shared/archive/package_reader.hpp"
#include "shared/archive/package_writer.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/os/atomic_file.hpp"
#include "shared/os/files.hpp"
#include "shared/os/path_text.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

namespace athanor {
namespace {

// How often a hard link whose target is in the other component may make us read the source again.
constexpr unsigned k_copied_links = 64;

struct Formats {
  Format from;
  Format to;
  std::string stem;
};

Result<Formats> formats_of(const std::filesystem::path& source,
                           const std::filesystem::path& destination) {
  const auto from = format_of_filename(source.filename().native(), PackageType::conda);
  const auto to = format_of_filename(destination.filename().native(), PackageType::conda);
  if (!from || !to || *from == *to) {
    return make_error(ErrorKind::invalid,
                      "cannot convert " + quoted(source) + " to " + quoted(destination),
                      "one must be a .tar.bz2 and the other a .conda");
  }
  Formats formats{*from, *to, stem_of(source, *from)};
  if (formats.stem.empty() || stem_of(destination, *to) != formats.stem) {
    return make_error(ErrorKind::invalid,
                      "cannot convert " + quoted(source) + " to " + quoted(destination),
                      "both must have the same name but for the extension");
  }
  return formats;
}

// The result under a temporary name beside the destination; gone unless committed.
class PendingFile {
 public:
  static Result<PendingFile> create(const std::filesystem::path& destination) {
    const std::filesystem::path parent = destination.parent_path();
    ATHANOR_ASSIGN(UniqueFile file,
                   create_unique_file(parent.empty() ? "." : parent,
                                      "." + destination.filename().native() + ".", ".tmp"));
    return PendingFile(destination, std::move(file));
  }

  PendingFile(PendingFile&& other) noexcept
      : destination_(std::move(other.destination_)),
        file_{std::exchange(other.file_.path, {}), std::move(other.file_.fd)} {}
  PendingFile& operator=(PendingFile&&) = delete;
  ~PendingFile() {
    if (!file_.path.empty()) {
      static_cast<void>(remove_file(file_.path));
    }
  }

  const Fd& fd() const { return file_.fd; }
  const std::filesystem::path& path() const { return file_.path; }

  Result<void> truncate() {
    if (::ftruncate(file_.fd.get(), 0) != 0) {
      return system_error(errno, "cannot shorten " + quoted(file_.path));
    }
    return {};
  }

  Result<void> commit() {
    ATHANOR_TRY(sync_file(file_.fd, file_.path));
    std::error_code error;
    std::filesystem::rename(file_.path, destination_, error);
    if (error) {
      return system_error(error.value(), "cannot rename to " + quoted(destination_));
    }
    file_.path.clear();
    const std::filesystem::path parent = destination_.parent_path();
    return sync_directory(parent.empty() ? "." : parent);
  }

 private:
  PendingFile(std::filesystem::path destination, UniqueFile file)
      : destination_(std::move(destination)),
        file_(std::move(file)) {}

  std::filesystem::path destination_;
  UniqueFile file_;
};

// One conversion.
class Transmutation {
 public:
  Transmutation(const std::filesystem::path& source, const Formats& formats,
                const TransmuteOptions& options, std::stop_token stop)
      : source_(source),
        formats_(formats),
        options_(options),
        stop_(std::move(stop)) {}

  Result<TransmuteReport> run(PendingFile& pending) {
    Result<TransmuteReport> report = TransmuteReport{};
    if (formats_.to == Format::tar_bz2) {
      TarBz2Writer writer(pending.fd(), pending.path(), options_.threads);
      report = write(writer);
    } else {
      report = write_conda(pending);
    }
    if (report) {
      ATHANOR_ASSIGN(report->result, verify(pending));
    }
    return report;
  }

 private:
  Result<TransmuteReport> write_conda(PendingFile& pending) {
    CondaWriterOptions writing{.stem = formats_.stem,
                               .zstd_level = options_.zstd_level,
                               .threads = options_.threads,
                               .zip64 = Zip64::no};
    {
      CondaWriter writer(pending.fd(), pending.path(), writing);
      auto report = write(writer);
      if (report || !writer.needs_zip64()) {
        return report;
      }
    }
    ATHANOR_TRY(pending.truncate());
    written_ = {};
    writing.zip64 = Zip64::yes;
    CondaWriter writer(pending.fd(), pending.path(), writing);
    return write(writer);
  }

  Result<TransmuteReport> write(PackageWriter& writer) {
    ATHANOR_ASSIGN(PackageReader reader, open_source(options_.threads));
    MemberRules rules(reader.file_size());
    TransmuteReport report;
    while (true) {
      ATHANOR_ASSIGN(const auto entry, reader.next());
      if (!entry) {
        break;
      }
      ATHANOR_TRY(rules.admit(*entry));
      if (must_copy(*entry)) {
        ATHANOR_TRY(copy_link(*entry, rules, writer));
        continue;
      }
      ATHANOR_TRY(writer.begin(*entry));
      std::string* const text = entry->path == k_index_json_path ? &report.index_json : nullptr;
      ATHANOR_TRY(copy_content(reader, *entry, writer, text));
    }
    ATHANOR_TRY(rules.finish());
    ATHANOR_ASSIGN(const std::uint64_t size, writer.finish());
    result_size_ = size;
    ATHANOR_ASSIGN(report.source, reader.digest());
    report.members = rules.members();
    report.unpacked_bytes = rules.unpacked_bytes();
    return report;
  }

  Result<PackageReader> open_source(unsigned threads) {
    return PackageReader::open(source_, formats_.from, {.threads = threads, .stop = stop_});
  }

  Result<void> copy_content(PackageReader& reader, const TarEntry& entry, PackageWriter& writer,
                            std::string* text) {
    if (text != nullptr && entry.size > limits::k_small_document_bytes) {
      return make_error(ErrorKind::rejected, "info/index.json of the package is far too large");
    }
    while (true) {
      ATHANOR_ASSIGN(const auto content, reader.read_content());
      if (content.empty()) {
        break;
      }
      fingerprint_.update(content);
      ATHANOR_TRY(writer.write(content));
      if (text != nullptr) {
        text->append(reinterpret_cast<const char*>(content.data()), content.size());
      }
      count_progress(content.size());
    }
    remember(entry);
    return {};
  }

  // What the result must hold. A .conda is read back component by component.
  void remember(const TarEntry& entry) {
    const bool second = formats_.to == Format::conda && component_of(entry.path) == Component::pkg;
    written_[second ? 1 : 0].push_back(fingerprint_.finish(entry));
  }

  // A hard link between the components would need both to be extracted, and in the right order.
  bool must_copy(const TarEntry& entry) const {
    return formats_.to == Format::conda && entry.type == MemberType::hard_link &&
           component_of(entry.path) != component_of(entry.link_target);
  }

  Result<void> copy_link(const TarEntry& link, const MemberRules& rules, PackageWriter& writer) {
    if (++copied_links_ > k_copied_links) {
      return make_error(ErrorKind::unsupported, "the package has more than " +
                                                    std::to_string(k_copied_links) +
                                                    " hard links between info/ and the rest");
    }
    const std::uint64_t wanted = rules.content_member(link);
    ATHANOR_ASSIGN(PackageReader reader, open_source(options_.threads));
    for (std::uint64_t member = 0;; ++member) {
      ATHANOR_ASSIGN(auto entry, reader.next());
      if (!entry) {
        return make_error(ErrorKind::corrupt, quoted(source_) + " changed while it was read");
      }
      if (member == wanted) {
        entry->path = link.path;
        ATHANOR_TRY(writer.begin(*entry));
        return copy_content(reader, *entry, writer, nullptr);
      }
    }
  }

  // Reads the result as any reader would and compares every member with what the source said.
  Result<Digest> verify(const PendingFile& pending) {
    const PackageReader::Options reading{.threads = options_.threads, .stop = stop_};
    ATHANOR_ASSIGN(PackageReader reader,
                   PackageReader::open_file(pending.fd(), pending.path(), formats_.to,
                                            formats_.stem, reading));
    std::uint64_t member = 0;
    while (true) {
      ATHANOR_ASSIGN(const auto entry, reader.next());
      if (!entry) {
        break;
      }
      while (true) {
        ATHANOR_ASSIGN(const auto content, reader.read_content());
        if (content.empty()) {
          break;
        }
        fingerprint_.update(content);
        count_progress(content.size());
      }
      const Sha256* const expected = written(member++);
      if (expected == nullptr || fingerprint_.finish(*entry) != *expected) {
        return differs("member '" + printable(entry->path) + "' isn't what the source has");
      }
    }
    if (written(member) != nullptr) {
      return differs("it has " + std::to_string(member) + " members, fewer than the source");
    }
    if (reader.file_size() != result_size_) {
      return differs("its size changed");
    }
    return reader.digest();
  }

  const Sha256* written(std::uint64_t member) const {
    if (member < written_[0].size()) {
      return &written_[0][member];
    }
    member -= written_[0].size();
    return member < written_[1].size() ? &written_[1][member] : nullptr;
  }

  static Error differs(const std::string& how) {
    return make_error(ErrorKind::bug,
                      "the converted package differs from the source when it is read back: " + how,
                      "nothing was kept; please report this");
  }

  void count_progress(std::size_t bytes) {
    if (options_.progress != nullptr) {
      options_.progress->fetch_add(bytes, std::memory_order_relaxed);
    }
  }

  const std::filesystem::path& source_;
  const Formats& formats_;
  const TransmuteOptions& options_;
  const std::stop_token stop_;
  MemberFingerprint fingerprint_;
  std::array<std::vector<Sha256>, 2> written_;
  std::uint64_t result_size_ = 0;
  unsigned copied_links_ = 0;
};

}  // namespace

Result<TransmuteReport> transmute(const std::filesystem::path& source,
                                  const std::filesystem::path& destination,
                                  const TransmuteOptions& options, std::stop_token stop) {
  ATHANOR_ASSIGN(const Formats formats, formats_of(source, destination));
  if (options.zstd_level < 1 || options.zstd_level > 19) {
    return make_error(ErrorKind::invalid,
                      "the zstd level must be 1 to 19, not " + std::to_string(options.zstd_level));
  }
  ATHANOR_ASSIGN(PendingFile pending, PendingFile::create(destination));
  Transmutation transmutation(source, formats, options, std::move(stop));
  auto report = transmutation.run(pending);
  if (!report) {
    return std::move(report).error().with_context("converting " + quoted(source));
  }
  ATHANOR_TRY(pending.commit());
  return report;
}

Result<std::string> read_index_json(const std::filesystem::path& artifact, Format format) {
  ATHANOR_ASSIGN(PackageReader reader, PackageReader::open(artifact, format, {}));
  while (true) {
    ATHANOR_ASSIGN(const auto entry, reader.next());
    if (!entry) {
      return make_error(ErrorKind::rejected, quoted(artifact) + " has no info/index.json",
                        "it isn't a conda package");
    }
    if (entry->path != k_index_json_path) {
      continue;
    }
    if (entry->type != MemberType::file || entry->size > limits::k_small_document_bytes) {
      return make_error(ErrorKind::rejected,
                        "info/index.json in " + quoted(artifact) + " isn't a file or is too large");
    }
    std::string text;
    while (true) {
      ATHANOR_ASSIGN(const auto content, reader.read_content());
      if (content.empty()) {
        return text;
      }
      text.append(reinterpret_cast<const char*>(content.data()), content.size());
    }
  }
}

}  // namespace athanor
