#pragma once

#include "shared/base/result.hpp"
#include "worker/solve/candidates.hpp"
#include "worker/solve/matcher.hpp"
#include "worker/solve/sat_solver.hpp"
#include "worker/solve/variant_rank.hpp"

#include <string>
#include <vector>

namespace athanor::worker::solve {

// What is to be solved, for one platform.
struct SolveProblem {
  std::vector<std::string> specs;  // MatchSpecs as people write them; the first ones decide first
  std::vector<VirtualPackage> virtual_packages;
  CandidateOptions candidates;
  bool rank_variants = true;  // off only to show what it is for
  // Records of a former solution, preferred where there is a choice.
  std::vector<RecordId> favored;
  GiveUp give_up{};  // empty: never
};

struct Solution {
  std::vector<RecordId> records;  // in installation order: dependencies first
  // Hash of everything that decides the answer: what survived the reduction, the specs, virtual
  // packages and options. Equal keys have equal solutions.
  std::string solve_key;
  // Names that the answer may depend on: a change of other names can't change it.
  std::vector<TextId> reach;
};

// Solves requests against one index. Not thread-safe (it remembers): one per thread. The same
// request on the same records gives the same solution, always.
class EnvironmentSolver {
 public:
  // The index must outlive the solver.
  explicit EnvironmentSolver(const PackageIndex& index)
      : matcher_(index),
        rank_(matcher_) {}

  // invalid: a spec can't be read, or nothing fulfils all specs together; the message says in words
  // which requirements contradict each other, a line each. canceled: given up.
  Result<Solution> solve(const SolveProblem& request);

  const PackageIndex& index() const { return matcher_.index(); }
  Matcher& matcher() { return matcher_; }

 private:
  Matcher matcher_;
  VariantRank rank_;
};

}  // namespace athanor::worker::solve
