#include "worker/solve/shard_walk.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/units.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

namespace athanor::worker::solve {
namespace {

constexpr std::size_t k_threads = 8;

struct Wanted {
  std::string name;
  std::size_t subdir = 0;
  Sha256 hash;
  Result<std::string> document{std::string()};
  std::vector<std::string> needs;
};

Result<std::string> fetch(RepodataCache& cache, const ShardedSubdir& subdir, Wanted& wanted,
                          const std::stop_token& stop) {
  ATHANOR_ASSIGN(std::string document,
                 cache.shard(subdir.source, subdir.list.shards_base_url, wanted.hash, stop));
  Result<std::vector<std::string>> needs = names_needed(document);
  if (!needs) {
    return Error(needs.error())
        .with_context("the shard of " + wanted.name + " in " + subdir.source.url);
  }
  wanted.needs = *std::move(needs);
  return document;
}

void fetch_all(RepodataCache& cache, const std::vector<ShardedSubdir>& subdirs,
               std::vector<Wanted>& wave, const std::stop_token& stop) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < wave.size(); i = next++) {
      wave[i].document = fetch(cache, subdirs[wave[i].subdir], wave[i], stop);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min(k_threads, wave.size()); ++i) {
    threads.emplace_back(work);
  }
  work();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

std::vector<Wanted> wanted_of(const std::vector<ShardedSubdir>& subdirs,
                              const std::set<std::string>& names) {
  std::vector<Wanted> wave;
  for (const std::string& name : names) {
    for (std::size_t i = 0; i < subdirs.size(); ++i) {
      const auto& shards = subdirs[i].list.shards;
      if (const auto shard = shards.find(name); shard != shards.end()) {
        wave.push_back({.name = name, .subdir = i, .hash = shard->second, .needs = {}});
      }
    }
  }
  return wave;
}

}  // namespace

Result<ReachedShards> reach_shards(RepodataCache& cache, const std::vector<ShardedSubdir>& subdirs,
                                   std::set<std::string> roots, std::stop_token stop) {
  ReachedShards reached;
  std::uint64_t bytes = 0;
  while (!roots.empty()) {
    std::vector<Wanted> wave = wanted_of(subdirs, roots);
    reached.names.merge(roots);
    roots.clear();
    fetch_all(cache, subdirs, wave, stop);
    for (Wanted& wanted : wave) {
      ATHANOR_ASSIGN(std::string document, std::move(wanted.document));
      bytes += document.size();
      if (bytes > limits::k_reached_bytes) {
        return make_error(ErrorKind::rejected, "what these requirements can reach has more than " +
                                                   human_size(limits::k_reached_bytes));
      }
      for (std::string& name : wanted.needs) {
        if (!reached.names.contains(name)) {
          roots.insert(std::move(name));
        }
      }
      reached.documents.emplace(std::pair(wanted.name, wanted.subdir), std::move(document));
    }
  }
  return reached;
}

}  // namespace athanor::worker::solve
