#pragma once

#include "shared/base/result.hpp"
#include "shared/digest/digest.hpp"
#include "worker/solve/repodata.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::worker::solve {

// A subdir's list of shards (CEP 16): one document for each package name, by the hash of its bytes.
struct ShardList {
  std::string base_url;         // of packages; empty: the subdir itself
  std::string shards_base_url;  // absolute, without final "/"
  std::map<std::string, Sha256, std::less<>> shards;
};

// `subdir_url` is where the list stands; relative URLs in it are meant from there. corrupt: it is
// no such list; unsupported: of a version that isn't known.
Result<ShardList> read_shard_list(std::string_view document, const std::string& subdir_url);

// Adds a shard's records to a builder, with the same rules as RepodataReader's.
Result<void> read_shard(std::string_view document, PackageIndexBuilder& builder,
                        RepodataReport& report);

// The names that a shard's records need, sorted, each once.
Result<std::vector<std::string>> names_needed(std::string_view document);

}  // namespace athanor::worker::solve
