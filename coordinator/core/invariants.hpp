#pragma once

#include "coordinator/core/core.hpp"

#include <string>
#include <vector>

namespace athanor::coordinator {

// What must be true of a coordinator's tables between any two events, whatever happened: one
// sentence for each rule that is broken. Takes time linear in everything; for tests and the
// simulation.
std::vector<std::string> check_invariants(const Core& core);

}  // namespace athanor::coordinator
