#pragma once

#include "worker/solve/candidates.hpp"
#include "worker/solve/sat_solver.hpp"

#include <string>
#include <vector>

namespace athanor::worker::solve {

// What the numbers of a SAT problem stand for.
struct SatLabels {
  std::vector<VirtualPackage> items;      // name, version, build per item
  std::vector<std::string> requirements;  // the spec per requirement
};

// Why there is no solution, for a person: what was asked for, and which requirements of which
// packages stand against it. Several lines; packages that say the same are named once.
std::string explain_contradiction(const SatContradiction& contradiction, const SatLabels& labels);
std::string explain_no_candidates(const NoCandidates& none);

}  // namespace athanor::worker::solve
