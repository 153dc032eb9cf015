#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/package_record.hpp"

#include <compare>
#include <cstdint>
#include <deque>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace athanor::worker::solve {

// Numbers instead of strings: the index holds hundreds of thousands of records, and a solve
// compares their names, versions and dependencies all the time.
using RecordId = std::uint32_t;
using TextId = std::uint32_t;  // an interned string: a name, a version, a build, a spec
inline constexpr TextId k_no_text = std::numeric_limits<TextId>::max();

// Every distinct string once. Not thread-safe while strings are added.
class TextTable {
 public:
  TextId add(std::string_view text);
  // k_no_text if it was never added.
  TextId find(std::string_view text) const;
  const std::string& operator[](TextId id) const { return texts_[id]; }
  std::size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;  // never moves its strings, so the map's keys stay valid
  std::unordered_map<std::string_view, TextId> ids_;
};

// One channel's subdir. A higher priority is preferred.
struct IndexedRepo {
  std::string channel;  // the channel's URL
  std::string subdir;
  int priority = 0;
};

// What solving needs of a record; the rest is in PackageIndex::package().
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
  std::uint64_t timestamp = 0;  // milliseconds since 1970
};

// All records of some channels' subdirs, interned, in one fixed order: by name, then repo, version
// text and build, so that solving doesn't depend on the order in which an index listed them.
// Immutable once built, hence thread-safe.
class PackageIndex {
 public:
  std::span<const IndexedRecord> records() const { return records_; }
  const IndexedRecord& record(RecordId id) const { return records_[id]; }
  // The records of that name, a contiguous run of ids; empty if there are none.
  struct Run {
    RecordId begin = 0;
    RecordId end = 0;
  };
  Run records_of(TextId name) const;

  std::span<const TextId> depends(RecordId id) const;
  std::span<const TextId> constrains(RecordId id) const;
  const IndexedRepo& repo(RecordId id) const { return repos_[records_[id].repo]; }
  std::span<const IndexedRepo> repos() const { return repos_; }
  const TextTable& texts() const { return texts_; }

  // The whole record, rebuilt: for what was chosen.
  PackageRecord package(RecordId id) const;

 private:
  friend class PackageIndexBuilder;

  struct Details {
    std::string filename;
    ExpectedDigest digest;
    TextId track_features = k_no_text;
    TextId license = k_no_text;
    TextId noarch = k_no_text;
  };

  TextTable texts_;
  std::vector<IndexedRepo> repos_;
  std::vector<IndexedRecord> records_;
  std::vector<Details> details_;
  std::vector<TextId> specs_;
  std::unordered_map<TextId, Run> by_name_;
};

// Collects records and makes the index of them.
class PackageIndexBuilder {
 public:
  // Records that are added from here on stand in this subdir.
  void begin_repo(IndexedRepo repo);
  void add(const PackageRecord& record);
  PackageIndex build() &&;

 private:
  PackageIndex index_;
};

}  // namespace athanor::worker::solve
