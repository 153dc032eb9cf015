#pragma once

#include "shared/base/result.hpp"
#include "shared/repodata/repodata_cache.hpp"
#include "worker/solve/shards.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace athanor::worker::solve {

// One sharded subdir.
struct ShardedSubdir {
  SubdirSource source;
  ShardList list;
};

// The documents of everything that can be reached from some names: by name, then subdir.
struct ReachedShards {
  std::map<std::pair<std::string, std::size_t>, std::string> documents;
  std::set<std::string> names;
  std::uint64_t fetched_bytes = 0;
};

// Follows dependencies from name to name, a wave at a time, and fetches what a wave needs side by
// side. A name that no subdir has is reached too, so that it isn't looked for again. Errors: the
// cache's; rejected when it is more than limits::k_reached_bytes.
Result<ReachedShards> reach_shards(RepodataCache& cache, const std::vector<ShardedSubdir>& subdirs,
                                   std::set<std::string> roots, std::stop_token stop);

}  // namespace athanor::worker::solve
