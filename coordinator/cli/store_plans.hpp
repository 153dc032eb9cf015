#pragma once

#include "coordinator/cli/store_access.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/upkeep/apply.hpp"

#include <filesystem>
#include <string>

namespace athanor::coordinator {

// Applies a plan file and says what came of it and how to take it back.
Result<cli::ExitStatus> apply_and_tell(VerbContext& context, StoreAccess& access,
                                       const std::filesystem::path& plan);

// Without --yes nothing is taken away: says how many objects it would be.
Error needs_yes(const std::string& what);

}  // namespace athanor::coordinator
