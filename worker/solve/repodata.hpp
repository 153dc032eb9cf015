#pragma once

#include "shared/base/result.hpp"
#include "worker/solve/package_index.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::worker::solve {

struct RepodataReport {
  std::uint64_t records = 0;          // that the index has now
  std::uint64_t twins = 0;            // .tar.bz2 records left to their .conda twin
  std::uint64_t skipped = 0;          // entries that aren't records; the rest of the index is good
  std::vector<std::string> examples;  // of skipped ones, with the reason; at most five
};

// Adds a subdir's index (repodata.json as published, versions 1 and 2) to a builder whose
// begin_repo() was called for it. Of a package in both formats the .conda is taken: both have the
// same content, and solving needs one. An entry that isn't a record (no name, a dependency that is
// no string) is skipped and counted, as conda's own solvers do. corrupt: the text isn't JSON, or no
// index; unsupported: a version that isn't known.
//
// `text` must have `k_repodata_padding` readable bytes behind it.
inline constexpr std::size_t k_repodata_padding = 64;
Result<RepodataReport> read_repodata(std::string_view text, PackageIndexBuilder& builder);

}  // namespace athanor::worker::solve
