#pragma once

#include "shared/base/result.hpp"
#include "worker/solve/package_index.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::worker::solve {

struct RepodataReport {
  std::uint64_t records = 0;          // added to the builder
  std::uint64_t skipped = 0;          // entries that aren't records; the rest of the index is good
  std::uint64_t later = 0;            // records of a later revision, which this version can't read
  std::vector<std::string> examples;  // of skipped ones, with the reason; at most five
};

// What the report has to say to a person, a sentence each; nothing if all is well.
std::vector<std::string> notes_of(const RepodataReport& report, std::string_view url);

// Reads a subdir's index (repodata.json as published) as its bytes arrive, into a builder whose
// begin_repo() was called for it: versions 1 and 2 (with info.base_url), and of later revisions
// what they say in the old place. An entry that isn't a record (no name, a dependency that is no
// string) is skipped and counted, as conda's own solvers do; a file that the index lists as removed
// isn't used. Memory: about two megabytes beside the builder's, however large the document; one
// entry may have limits::k_repodata_entry_bytes. Not thread-safe.
//
// Errors: corrupt (not JSON, or no index), unsupported (a version that isn't known, or only records
// of a later revision), rejected (beyond the limits).
class RepodataReader {
 public:
  explicit RepodataReader(PackageIndexBuilder& builder);
  ~RepodataReader();

  Result<void> write(std::span<const std::uint8_t> bytes);
  // The document has ended.
  Result<RepodataReport> finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The same for a document in memory.
Result<RepodataReport> read_repodata(std::string_view text, PackageIndexBuilder& builder);

}  // namespace athanor::worker::solve
