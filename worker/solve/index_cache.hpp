#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/solve.hpp"
#include "shared/repodata/repodata_cache.hpp"
#include "worker/solve/package_index.hpp"
#include "worker/solve/shards.hpp"
#include "worker/solve/solver.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace athanor::worker::solve {

// An index that is shared by all threads of a worker, and the solvers that have learnt about it.
// Thread-safe.
class LoadedIndex {
 public:
  LoadedIndex(PackageIndex index, std::vector<RepodataPin> repodata)
      : index_(std::move(index)),
        repodata_(std::move(repodata)) {}

  const PackageIndex& index() const { return index_; }
  const std::vector<RepodataPin>& repodata() const { return repodata_; }

  // A solver for one thread; give it back, because it remembers. One that remembers too much is
  // forgotten then.
  std::unique_ptr<EnvironmentSolver> take_solver();
  void give_back(std::unique_ptr<EnvironmentSolver> solver);

 private:
  const PackageIndex index_;
  const std::vector<RepodataPin> repodata_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<EnvironmentSolver>> solvers_;
};

struct IndexLoad {
  std::shared_ptr<LoadedIndex> index;
  std::uint64_t fetched_bytes = 0;
  std::chrono::milliseconds time{};  // that this call took
};

// The indices that a worker has in use. A set of whole documents becomes one file of PackageIndex's
// format beside them, made once per machine and mapped by all processes; of sharded channels only
// what the requests so far can reach is loaded. Few are kept; those in use live on. Thread-safe.
class IndexCache {
 public:
  // Two caches of the same folder: one takes shards where a channel has them, the other never. They
  // and the clock outlive it.
  IndexCache(RepodataCache& sharded, RepodataCache& whole, const Clock& clock)
      : sharded_(sharded),
        whole_(whole),
        clock_(clock) {}

  // Errors: those of RepodataCache and RepodataReader, with the URL; invalid: a channel has neither
  // the platform nor noarch.
  Result<IndexLoad> load(const SolveRequest& request, std::stop_token stop);

 private:
  // One subdir of the request, in the order of channels.
  struct Part {
    SubdirSource source;
    IndexedRepo repo;
    Repodata document;
  };
  struct Entry {
    std::string key;
    std::shared_ptr<LoadedIndex> index;
    std::set<std::string> names;  // of a sharded one: closed under dependencies
  };

  Result<std::vector<Part>> find_parts(RepodataCache& cache, const SolveRequest& request,
                                       IndexLoad& load, const std::stop_token& stop) const;
  Result<std::shared_ptr<LoadedIndex>> load_whole(const std::vector<Part>& parts);
  Result<std::shared_ptr<LoadedIndex>> load_shards(const std::vector<Part>& parts,
                                                   const SolveRequest& request, IndexLoad& load,
                                                   const std::stop_token& stop);
  Entry* find(const std::string& key);
  void keep(Entry entry);

  RepodataCache& sharded_;
  RepodataCache& whole_;
  const Clock& clock_;
  std::mutex mutex_;          // also held while an index is made: whoever needs the same waits
  std::list<Entry> entries_;  // newest use first
};

}  // namespace athanor::worker::solve
