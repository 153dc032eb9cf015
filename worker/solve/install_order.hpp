#pragma once

#include "worker/solve/matcher.hpp"

#include <vector>

namespace athanor::worker::solve {

// The chosen records in the order in which they can be installed: each after what it depends on, as
// far as there are no cycles; otherwise by name. Deterministic.
std::vector<RecordId> install_order(Matcher& matcher, std::vector<RecordId> chosen);

}  // namespace athanor::worker::solve
