#pragma once

#include "coordinator/upkeep/change_plan.hpp"
#include "coordinator/upkeep/finding.hpp"
#include "coordinator/upkeep/upkeep.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace athanor::coordinator {

struct RepairOptions {
  // Takes broken objects away although descriptions name them: those environments don't start until
  // `athanor run` has published the package again.
  bool replace_broken = false;
  // Takes away foreign objects, too, but only in the folders of packages and environments.
  bool take_foreign = false;
  WallTime now{};
};

struct RepairReport {
  ChangePlanTotals planned;
  std::uint64_t left_to_people = 0;
};

// What a repair would do about a finding, or why it does nothing: one line for a person.
using RepairTalk = std::function<void(const std::string& line)>;
// Calls a sink with every finding of a verification.
using FindingSource = std::function<Result<void>(const FindingSink&)>;

// Plans what can be made right without guessing, and keeps what descriptions name:
//  - of several hashes in a slot the one that is named stays, else the oldest whole one;
//  - altered and truncated objects go, unless they are named (see replace_broken);
//  - a plain object that harms readers moves into its slot if that is free, else it goes;
//  - descriptions and aliases that lead nowhere go; as long as a description can't be read, no
//    package is taken away, because nobody knows what it needs;
//  - objects whose key shows a secret go, unless they are needed.
// Changes nothing in the store; writes the plan file.
Result<RepairReport> plan_repair(const Upkeep& upkeep, const FindingSource& findings,
                                 const RepairOptions& options, const std::filesystem::path& plan,
                                 const RepairTalk& talk);

}  // namespace athanor::coordinator
