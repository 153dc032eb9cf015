#pragma once

#include "shared/base/result.hpp"

#include <cstdint>
#include <functional>
#include <string_view>
#include <variant>
#include <vector>

// The one door to libsolv. Everything that conda means by versions, builds and specs has been
// worked out before: what comes in here are numbers, so libsolv decides and never interprets.
namespace athanor::worker::solve {

using ItemId = std::uint32_t;         // index into SatProblem::items
using RequirementId = std::uint32_t;  // index into SatProblem::requirements
using ExclusionId = std::uint32_t;    // index into SatProblem::exclusions

// One candidate. Of the items with one name at most one is chosen.
struct SatItem {
  std::uint32_t name = 0;
  // Preference among items of one name, most important first: higher priority, fewer features,
  // higher version, higher build number, higher variant score.
  int priority = 0;
  std::uint32_t features = 0;
  std::uint32_t version_rank = 0;
  std::uint32_t build_number = 0;
  std::uint32_t variant_score = 0;
  bool installed = false;  // always chosen: a virtual package
  std::vector<RequirementId> requirements;
  std::vector<ExclusionId> exclusions;
};

struct SatProblem {
  std::vector<SatItem> items;
  // What fulfils each requirement: one of these items must be chosen.
  std::vector<std::vector<ItemId>> requirements;
  // What an exclusion forbids: none of these items may be chosen.
  std::vector<std::vector<ItemId>> exclusions;
  std::vector<RequirementId> roots;
  // Items to prefer where there is a choice, before everything else (a former solution).
  std::vector<ItemId> favored;
};

// One rule that takes part in a contradiction.
struct SatConflict {
  enum class Kind {
    root_without_candidates,  // nothing fulfils `requirement`, which was asked for
    root,                     // `requirement` was asked for
    requirement,              // `item` needs `requirement`
    requirement_impossible,   // `item` needs `requirement`, which nothing fulfils
    exclusion,                // `item` excludes `other`
    same_name,                // `item` and `other` are the same package
  };
  Kind kind = Kind::root;
  ItemId item = 0;
  ItemId other = 0;
  RequirementId requirement = 0;
};

using SatSolution = std::vector<ItemId>;  // sorted; without the installed ones
using SatContradiction = std::vector<SatConflict>;

struct SatGivenUp {};

// Asked again and again while a search goes on, at least at every sixteenth of its conflicts: true
// ends it. Must not throw. Empty: never.
using GiveUp = std::function<bool()>;

// Chooses items, or says which rules contradict each other. Deterministic: the same problem has the
// same answer. Thread-safe. May take exponential time for contrived problems: hence `give_up`.
std::variant<SatSolution, SatContradiction, SatGivenUp> solve_sat(const SatProblem& problem,
                                                                  const GiveUp& give_up);

// "libsolv 0.7.23": part of every solve's key.
std::string_view sat_solver_name();

}  // namespace athanor::worker::solve
