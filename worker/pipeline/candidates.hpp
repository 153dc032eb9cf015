#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/result.hpp"
#include "worker/pipeline/job_context.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace athanor::worker {

// One place where the source's bytes may be had, and what came of asking it.
struct Candidate {
  std::string url;          // may hold credentials
  std::string host;         // without
  bool is_primary = false;  // the source's own origin, or what origins.map puts in its place
  bool dropped = false;     // asking it again is of no use
  bool skipped = false;     // it was passed over at least once, its host being given a rest
  bool is_missing = false;  // it says that it doesn't have the file
  unsigned allowed = limits::k_fetch_attempts;  // failures without gain
  unsigned failures = 0;                        // without gain since the last gain
  TimePoint not_before{};                       // when it may be asked again
  std::optional<std::chrono::milliseconds> retry_after{};
  std::optional<Error> error{};  // of the last attempt

  bool is_hopeful() const { return !dropped && failures < allowed; }
};

// The source's origins in the order in which they are asked. not_found: it never had one. rejected:
// it is a file of this machine that only an input names.
Result<std::vector<Candidate>> candidates_of(JobContext& context);

}  // namespace athanor::worker
