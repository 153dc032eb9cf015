#pragma once

#include "coordinator/plan/plan.hpp"
#include "coordinator/server/coordinator.hpp"
#include "shared/cli/exit_status.hpp"
#include "shared/json/json.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace athanor::coordinator {

// What is lacking for one environment, in words.
struct NotReady {
  std::string name;
  std::string platform;
  std::string why;
};

// What the store's own state keeps from becoming ready.
struct Conflict {
  std::string source_url;
  std::string what;
};

// What a run came to: its last line, its JSON object and its exit code.
struct Verdict {
  cli::ExitStatus status = cli::ExitStatus::ready;
  std::uint64_t environments = 0;
  std::uint64_t environments_ready = 0;
  std::vector<NotReady> not_ready;
  std::uint64_t packages_new = 0;
  std::uint64_t packages_had = 0;
  std::uint64_t packages_failed = 0;
  std::uint64_t packages_unfinished = 0;
  std::vector<PackageFailure> failures;
  std::vector<Conflict> conflicts;
  std::uint64_t from_origin = 0;
  std::uint64_t from_local = 0;
  std::uint64_t from_store = 0;
  std::uint64_t transmuted = 0;
  std::uint64_t adopted = 0;
  std::uint64_t fetched_bytes = 0;
  std::uint64_t published_bytes = 0;
  // What wasn't fetched because the same package is in several environments, and because the store
  // had it; as far as sizes are known.
  std::uint64_t saved_by_dedupe = 0;
  std::uint64_t saved_by_store = 0;
  std::vector<std::string> warnings;
  std::chrono::milliseconds elapsed{};
};

// Bytes of sources as workers saw them, for those whose size no input gives: by source URL.
using SourceSizes = std::map<std::string, std::uint64_t>;

// `stopped` is how the program was told to stop (StopRequests::status): it decides the exit code of
// a run that didn't come to its end.
Verdict make_verdict(const Plan& plan, const RunSummary& summary, const SourceSizes& sizes,
                     cli::ExitStatus stopped, std::chrono::milliseconds elapsed);

// "schema": 1; one object. Field names are stable within a schema.
Json verdict_json(const Verdict& verdict);
// The verdict again, as a coordinator sent it; what is missing or of another type reads as empty.
Verdict verdict_from_json(const Json& object);

}  // namespace athanor::coordinator
