#pragma once

#include "shared/conda/channel_priority.hpp"
#include "worker/solve/matcher.hpp"

#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace athanor::worker::solve {

// What is asked for, read once.
struct RootSpec {
  MatchSpec spec;
  std::vector<RecordId> records;  // that fulfil it, ascending
};

struct CandidateOptions {
  ChannelPriority channel_priority = ChannelPriority::flexible;
  std::uint64_t exclude_newer = 0;  // milliseconds since 1970; 0: nothing is excluded
  // What is there must fulfil these; nothing must be there because of them.
  std::vector<MatchSpec> pins{};
  // Every python needs pip, if a channel has it.
  bool python_brings_pip = false;
  // Drops records that can't be in any solution, and of builds that no spec tells apart all but the
  // best. Off only to show that it changes no answer.
  bool prune = true;
};

// The records that may still be chosen, and why some name has none.
struct Candidates {
  std::unordered_map<TextId, std::vector<RecordId>> by_name;  // ascending
  std::vector<TextId> names;                                  // reached, in order of discovery

  bool alive(RecordId id, TextId name) const;
};

// Why there can't be a solution, found without solving.
struct NoCandidates {
  std::string name;  // the package that nothing is left of
  std::vector<std::string>
      reasons;  // one clause each: "foo 1.2 needs bar >=3, which no channel has"
};

// Everything reachable from the roots, reduced to what can still be part of a solution: libsolv's
// work grows with the square of the records per name, so this decides how long a solve takes. The
// reduction is sound: (1) roots restricted to what they ask for, (2) records with a dependency that
// nothing alive fulfils dropped, again and again, (3) likewise what constrains away a package that
// must be there, (4) of equal builds in one repo only the best kept, if no spec tells them apart.
std::variant<Candidates, NoCandidates> find_candidates(
    Matcher& matcher, const std::vector<RootSpec>& roots,
    const std::vector<VirtualPackage>& virtual_packages, const CandidateOptions& options);

}  // namespace athanor::worker::solve
