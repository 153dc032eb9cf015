#pragma once

#include "shared/base/limits.hpp"
#include "shared/conda/channel_priority.hpp"
#include "shared/conda/virtual_package.hpp"
#include "shared/digest/digest.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What coordinator and worker say to each other about one solve: requirements for one platform in,
// exact packages out. Plain values.
namespace athanor {

// One channel, as a base URL without a final "/": its subdirs stand below it.
struct SolveChannel {
  std::string url;        // without credentials: part of the request's identity
  std::string fetch_url;  // as the input spells it; may hold credentials: never journaled or
                          // logged. Empty: the same as `url`

  friend bool operator==(const SolveChannel&, const SolveChannel&) = default;
};

// One state of one subdir's index. The digest is that of the index document as the channel
// publishes it, decompressed: of repodata.json, or of the list of shards where there is one.
struct RepodataPin {
  std::string url;  // channel and subdir, without credentials: "https://host/channel/linux-64"
  Sha256 digest;

  friend bool operator==(const RepodataPin&, const RepodataPin&) = default;
};

enum class LockHold {
  keep,    // the solution must have exactly this package
  prefer,  // it is taken where there is a choice
};

// A package of a former solution.
struct LockedPackage {
  std::string name;
  std::string version;
  std::string build;  // empty: any
  LockHold hold = LockHold::keep;

  friend bool operator==(const LockedPackage&, const LockedPackage&) = default;
};

// What is to be solved: one environment for one platform. Equal requests are one job.
struct SolveRequest {
  std::vector<SolveChannel> channels;  // the first ones first; at least one
  std::string platform;                // "linux-64"; "noarch" is looked at beside it
  std::vector<std::string> specs;      // MatchSpecs; the first ones decide first
  std::vector<std::string> pins;  // MatchSpecs: what is there must fulfil them, nothing must be
  std::vector<VirtualPackage> virtual_packages;
  std::vector<LockedPackage> locked;
  ChannelPriority channel_priority = ChannelPriority::flexible;
  std::uint64_t exclude_newer = 0;  // milliseconds since 1970; 0: nothing is excluded
  // Every python brings pip, as micromamba has it by default.
  bool python_brings_pip = false;
  bool prune = true;          // off only to show that it changes no answer
  bool rank_variants = true;  // off only to show what it is for
  std::chrono::milliseconds time_limit = limits::k_solve_time;
  // The states to solve against, at most one per subdir. A subdir without one is taken as the
  // channel has it when the job runs.
  std::vector<RepodataPin> repodata;

  friend bool operator==(const SolveRequest&, const SolveRequest&) = default;
};

// The same content in the other format, where the channel has both.
struct PackageTwin {
  std::string url;
  ExpectedDigest digest;

  friend bool operator==(const PackageTwin&, const PackageTwin&) = default;
};

struct SolvedPackage {
  std::string url;  // without credentials
  std::string name;
  std::string version;
  std::string build;
  std::uint64_t build_number = 0;
  std::string channel;  // its base URL, as SolveChannel::url
  std::string subdir;   // "linux-64" or "noarch"
  ExpectedDigest digest;
  std::vector<std::string> depends;
  std::vector<std::string> constrains;
  std::string noarch;           // "python", "generic" or empty
  std::uint64_t timestamp = 0;  // milliseconds since 1970; 0: unknown
  std::optional<PackageTwin> twin;

  friend bool operator==(const SolvedPackage&, const SolvedPackage&) = default;
};

struct SolveSuccess {
  std::vector<SolvedPackage> packages;  // in installation order: dependencies first
  // Hash of everything that decides the answer: equal keys have equal packages.
  std::string solve_key;
  std::vector<RepodataPin> repodata;  // that was solved against, each subdir that exists
  // Names that the answer may depend on: a change of other names can't change it.
  std::vector<std::string> reach;
  std::string solver;  // whose answer it is: "athanor 0.1.0, libsolv 0.7.23"
  std::vector<std::string> warnings;
  std::chrono::milliseconds load_time{};  // until the index was there; shared by many solves
  std::uint64_t solve_microseconds = 0;   // of this request alone

  friend bool operator==(const SolveSuccess&, const SolveSuccess&) = default;
};

}  // namespace athanor
