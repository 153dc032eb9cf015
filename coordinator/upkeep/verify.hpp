#pragma once

#include "coordinator/upkeep/finding.hpp"
#include "coordinator/upkeep/upkeep.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>

namespace athanor::coordinator {

struct VerifyOptions {
  bool read_objects = true;  // false: only keys, descriptions and aliases are looked at
  // Of every hundred objects, how many are read; which ones follows from the seed and the key.
  double sample_percent = 100;
  std::uint64_t seed = 0;
  unsigned parallel_reads = 8;
  // Notes of how far it came, with which a later call goes on; see VerifyState.
  std::optional<std::filesystem::path> state{};
};

struct VerifyReport {
  std::uint64_t objects = 0;       // that were listed, Athanor's own left out
  std::uint64_t packages = 0;      // among them
  std::uint64_t objects_read = 0;  // earlier calls of the same pass included
  std::uint64_t bytes_read = 0;
  std::uint64_t environments = 0;
  std::uint64_t aliases = 0;
  std::map<FindingKind, std::uint64_t> findings;
  std::uint64_t harmful = 0;
  std::uint64_t lacking = 0;
  bool resumed = false;
};

// Looks at everything in a store: each key, each object's bytes against its key's hash, each
// description against the objects that there are, each alias against the descriptions. Changes
// nothing. Objects are read in the order of their keys, several at a time, none whole in memory;
// 16 bytes are held for each key.
//
// `sink` is given every finding, those of earlier calls of the same pass first. Errors: the
// store's; canceled if a stop is requested (the state is kept); the state file's.
Result<VerifyReport> verify_store(const Upkeep& upkeep, const VerifyOptions& options,
                                  const FindingSink& sink);

}  // namespace athanor::coordinator
