#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/package_record.hpp"
#include "worker/solve/text_table.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace athanor::worker::solve {

using RecordId = std::uint32_t;
inline constexpr std::uint32_t k_none = std::numeric_limits<std::uint32_t>::max();

// One channel's subdir. A higher priority is preferred.
struct IndexedRepo {
  std::string channel;  // the channel's URL, without credentials
  std::string subdir;
  int priority = 0;
  std::string base_url{};  // where its packages are; empty: channel and subdir
};

// What solving needs of a record. Plain bytes: it lies in files as it is.
struct IndexedRecord {
  TextId name = k_no_text;
  TextId version = k_no_text;
  TextId build = k_no_text;
  std::uint32_t build_number = 0;
  std::uint32_t repo = 0;
  std::uint32_t features = 0;  // how many features it tracks: fewer is preferred
  std::uint32_t depends_begin = 0;
  std::uint32_t constrains_begin = 0;  // and the end of depends
  std::uint32_t constrains_end = 0;
  std::uint32_t unused = 0;
  std::uint64_t timestamp = 0;  // milliseconds since 1970
};

// The file of a record: asked for only of what was chosen.
struct IndexedFile {
  std::array<std::uint8_t, 16> md5{};
  std::array<std::uint8_t, 32> sha256{};
  std::uint64_t size = 0;
  TextId filename = k_no_text;  // k_no_text: name-version-build and the format's extension
  TextId track_features = k_no_text;
  TextId license = k_no_text;
  TextId noarch = k_no_text;
  std::uint32_t known = 0;      // bits: 1 MD5, 2 SHA-256, 4 size, 8 .conda
  std::uint32_t twin = k_none;  // the same package as .tar.bz2
};

// All records of some channels' subdirs, interned, in one fixed order: by name, then repo, version
// text and build, so that solving doesn't depend on the order in which an index listed them. Its
// bytes are one run, in memory or in a file that is mapped: opening a file reads nothing of it, and
// all processes that use it share one copy. Whatever the file holds, no access leaves it.
// Immutable once built, hence thread-safe.
class PackageIndex {
 public:
  // Maps what PackageIndexBuilder::write() wrote. corrupt: it is no such file, or of another
  // version or machine; make it anew.
  static Result<PackageIndex> open(const std::filesystem::path& path);

  std::span<const IndexedRecord> records() const { return records_; }
  // REQUIRES: id < records().size().
  const IndexedRecord& record(RecordId id) const { return records_[id]; }
  // The records of that name, a contiguous run of ids; empty if there are none.
  struct Run {
    RecordId begin = 0;
    RecordId end = 0;
  };
  Run records_of(TextId name) const;

  // A name, its records, and a number that is the same in another index (of the same seed) if and,
  // for all that matters, only if the records are.
  struct Name {
    TextId name = k_no_text;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t unused = 0;
    std::uint64_t fingerprint = 0;
  };
  std::span<const Name> names() const { return names_; }  // sorted by name

  std::span<const TextId> depends(RecordId id) const;
  std::span<const TextId> constrains(RecordId id) const;
  const IndexedRepo& repo(RecordId id) const;
  std::span<const IndexedRepo> repos() const { return repos_; }
  const TextTable& texts() const { return texts_; }
  std::string text(TextId id) const { return std::string(texts_[id]); }
  // What there is to say of the documents that it was made of, for people.
  std::span<const std::string> notes() const { return notes_; }
  std::uint64_t bytes() const { return bytes_.size(); }

  // The whole record, rebuilt: for what was chosen.
  PackageRecord package(RecordId id) const;
  // The same package in the older format, if the channel has it: file name, URL and digest.
  std::optional<PackageRecord> twin(RecordId id) const;

 private:
  friend class PackageIndexBuilder;

  static Result<PackageIndex> over(std::span<const std::uint8_t> bytes,
                                   std::shared_ptr<const void> owner);
  PackageRecord with_file(const IndexedRecord& record, const IndexedFile& file) const;

  std::span<const std::uint8_t> bytes_;
  std::shared_ptr<const void> owner_;  // of the bytes; shared so that an index can be moved
  TextTable texts_;
  std::vector<IndexedRepo> repos_;
  std::vector<std::string> notes_;
  std::span<const IndexedRecord> records_;
  std::span<const IndexedFile> files_;
  std::span<const IndexedFile> twins_;
  std::span<const TextId> specs_;
  std::span<const Name> names_;
  std::span<const std::uint32_t> name_of_text_;  // index into names_, k_none: no name
};

// A record as a document spells it; the texts are its owner's.
struct RecordView {
  std::string_view filename{};
  std::string_view name{};  // lower case
  std::string_view version{};
  std::string_view build{};
  std::uint64_t build_number = 0;
  std::vector<std::string_view> depends{};
  std::vector<std::string_view> constrains{};
  std::string_view track_features{};  // separated by blanks
  std::uint32_t features = 0;
  std::string_view license{};
  std::string_view noarch{};
  std::uint64_t timestamp = 0;
  ExpectedDigest digest{};
};

// Collects records and makes the index of them. Not thread-safe.
class PackageIndexBuilder {
 public:
  explicit PackageIndexBuilder(std::uint64_t seed = 0x41746841);

  // Records that are added from here on stand in this subdir.
  void begin_repo(IndexedRepo repo);
  void set_base_url(std::string base_url) { repos_.back().base_url = std::move(base_url); }
  // REQUIRES: begin_repo() was called.
  void add(const RecordView& record);
  void add(const PackageRecord& record);
  // The current subdir's file isn't to be used any more, whether it was or will be added.
  void remove(std::string filename);
  void note(std::string text);
  std::uint64_t records() const { return records_.size(); }

  // Of a package in both formats the .conda is the record and the .tar.bz2 its twin. unsupported:
  // more than can be numbered.
  Result<PackageIndex> build() &&;
  // The same into a file, which appears whole or not at all. Errors: those of the file system.
  Result<void> write(const std::filesystem::path& path) &&;

 private:
  using Sink = std::function<Result<void>(std::span<const std::uint8_t>)>;
  struct Sorted;
  struct Key;

  std::string filename_of(std::size_t i) const;
  bool is_removed(std::size_t i) const;
  std::vector<std::uint32_t> text_ranks() const;
  std::vector<Key> sorted_keys() const;
  Result<Sorted> sort() const;
  std::uint64_t fingerprint(std::size_t i) const;
  std::string describe() const;
  Result<void> emit(const Sorted& sorted, const Sink& sink) const;

  std::uint64_t seed_;
  TextCollector texts_;
  std::vector<IndexedRepo> repos_;
  std::vector<std::string> notes_;
  std::vector<IndexedRecord> records_;
  std::vector<IndexedFile> files_;
  std::vector<TextId> specs_;
  std::vector<std::unordered_set<std::string>> removed_;  // per repo
};

}  // namespace athanor::worker::solve
