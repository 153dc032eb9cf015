#pragma once

#include "coordinator/doctor/finding.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/random.hpp"
#include "shared/store/store.hpp"

#include <stop_token>
#include <string>

namespace athanor::coordinator {

// Tries every right that a run needs, with objects of its own under ".athanor/doctor/" that are
// removed again whatever happens: listing, creating, reading back, creating what is there already
// (must be refused), replacing, replacing a version that is gone (must be refused), removing, and
// putting in parts where the store has those.
void look_at_store(Findings& findings, const std::string& store_url, Random& random,
                   const Clock& clock, std::stop_token stop = {});

}  // namespace athanor::coordinator
