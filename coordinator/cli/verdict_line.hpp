#pragma once

#include "coordinator/cli/verb.hpp"
#include "coordinator/server/verdict.hpp"
#include "shared/cli/exit_status.hpp"
#include "shared/cli/terminal.hpp"
#include "shared/store/observed_store.hpp"

#include <string>

namespace athanor::coordinator {

// One line without a newline: "118 of 124 environments ready; packages: 412 new, 1204 had, 2
// failed; fetched 6.1 GiB; saved 3.1 GiB by dedupe, 14.9 GiB by the store; 3m12s".
std::string verdict_line(const Verdict& verdict, const cli::Terminal& terminal);

// The last words: what a person has to look at, then the verdict, in the format that is asked for.
// Failed packages have been told of when they failed. What this process asked of the store, if it
// asked anything, stands beside it; workers log theirs (-vv).
cli::ExitStatus conclude(VerbContext& context, const Verdict& verdict,
                         const StoreMetrics* metrics = nullptr);

}  // namespace athanor::coordinator
