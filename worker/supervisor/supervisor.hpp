#pragma once

#include "shared/auth/access.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/log/log.hpp"
#include "shared/transport/endpoint.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace athanor::worker {

enum class OnCoordinatorLost {
  stop,  // leave when it hasn't been heard for lost_patience
  wait,  // for ever
};

struct WorkerOptions {
  std::string endpoint;
  transport::Exposure exposure = transport::Exposure::local_only;
  std::optional<transport::EndpointSecurity> security{};  // for tcp://
  std::string name;                                       // for people: "host/pid"
  unsigned slots = 1;                                     // jobs that run at once
  unsigned cpu = 1;  // of them, jobs that may transmute at once
  std::filesystem::path scratch_parent;
  // How origins are reached from here, credentials included: the coordinator sends none.
  Access access{};
  std::filesystem::path cache_directory;  // channels' indices, shared by this user's workers
  OnCoordinatorLost on_coordinator_lost = OnCoordinatorLost::stop;
  std::chrono::milliseconds lost_patience{60'000};
  // After the first SIGTERM: what runs longer is given back.
  std::chrono::milliseconds drain_timeout{600'000};
  // When a stopped job's thread doesn't end, the process does.
  std::chrono::milliseconds stop_patience{10'000};
  std::optional<std::chrono::milliseconds> idle_timeout{};  // leave after so long without a job
  std::optional<std::chrono::milliseconds> time_limit{};    // take nothing new after so long
  std::optional<std::uint64_t> max_jobs{};                  // start no more than so many
};

enum class WorkerEnd {
  left,              // told to leave, and owes nothing
  interrupted,       // a second signal: running jobs were given back
  rejected,          // the coordinator didn't want us
  coordinator_lost,  // it wasn't heard for too long
};

struct WorkerResult {
  WorkerEnd end = WorkerEnd::left;
  std::string reason;         // for a person; empty if there is nothing to say
  bool threads_ended = true;  // otherwise the process must end without destructors
};

// Runs a worker until it has left. Blocks SIGINT and SIGTERM for the process: the first drains, the
// second gives everything back at once. Errors: invalid or rejected endpoints and scratch
// directories, a store that can't be opened.
Result<WorkerResult> run_worker(const WorkerOptions& options, const Clock& clock, Logger& log);

}  // namespace athanor::worker
