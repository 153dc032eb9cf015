#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/solve.hpp"
#include "worker/solve/solver.hpp"

#include <stop_token>

namespace athanor::worker::solve {

// Answers a request as it travels, from an index of its channels and platform. `repodata` and
// `load_time` of the success are left to whoever loaded the index.
//
// Errors: those of EnvironmentSolver; rejected when the request's time limit is over, canceled when
// a stop was requested.
Result<SolveSuccess> answer(EnvironmentSolver& solver, const SolveRequest& request,
                            const Clock& clock, std::stop_token stop);

}  // namespace athanor::worker::solve
