#pragma once

#include "coordinator/upkeep/change_plan.hpp"
#include "coordinator/upkeep/upkeep.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace athanor::coordinator {

struct ApplyReport {
  std::string id;  // for undo; empty: nothing had to be done
  std::uint64_t taken_away = 0;
  std::uint64_t bytes = 0;
  std::uint64_t moved = 0;  // among them
  // Left alone, because meanwhile...
  std::uint64_t gone = 0;      // ... somebody else took it away
  std::uint64_t changed = 0;   // ... it is another object
  std::uint64_t young = 0;     // ... it was written again
  std::uint64_t needed = 0;    // ... a description needs it
  std::uint64_t taken = 0;     // ... the place it was to move to was taken
  std::uint64_t put_back = 0;  // taken away, and described at the same moment: it is back

  std::uint64_t left_alone() const { return gone + changed + young + needed + taken; }
};

// Does what a plan says, to what is still as the plan saw it. What is taken away goes to the trash
// (TRASH.md). Descriptions are read before and after. `random` makes the act's id unique. Can be
// repeated after any failure. invalid: no plan, or one of another store; rejected: a description
// can't be read, so that nobody knows what it needs.
Result<ApplyReport> apply_plan(const Upkeep& upkeep, const std::filesystem::path& plan,
                               std::uint64_t random);

}  // namespace athanor::coordinator
