#pragma once

#include "coordinator/core/record.hpp"
#include "coordinator/document/submission_document.hpp"
#include "shared/base/ids.hpp"
#include "shared/json/json.hpp"
#include "shared/protocol/job.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace athanor::coordinator {

// A batch at one moment: what a watcher that comes late, or was too slow, goes on from.
struct BatchSnapshot {
  struct Running {
    JobId job;
    std::string source_url;
    WorkerId worker;
    Stage stage = Stage::locate;
    std::uint64_t bytes = 0;
    std::chrono::milliseconds since{};  // ago
  };
  // Running jobs that are listed.
  static constexpr std::size_t k_running = 200;

  BatchId batch;
  std::string name;
  bool planned = false;
  std::string trouble;  // why it isn't planned yet; empty: nothing is wrong
  std::vector<EnvironmentLabel> environments;
  std::uint64_t jobs = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t present = 0;    // packages with nothing to do
  std::uint64_t conflicts = 0;  // packages that the store's state keeps from becoming ready
  std::uint64_t environments_ready = 0;
  std::uint64_t environments_failed = 0;
  std::uint64_t fetched_bytes = 0;
  std::uint64_t workers = 0;                      // of the whole coordinator
  std::map<std::string, std::uint64_t> failures;  // by kind
  std::vector<Running> running;
};

// With "event": "snapshot".
Json snapshot_object(const BatchSnapshot& snapshot);
// What is missing or of another type reads as empty.
BatchSnapshot snapshot_from_object(const Json& object);

}  // namespace athanor::coordinator
