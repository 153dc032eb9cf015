#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/core/origins.hpp"
#include "coordinator/plan/plan.hpp"
#include "coordinator/server/solve_book.hpp"
#include "coordinator/server/worker_processes.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/messages.hpp"
#include "shared/store/store.hpp"
#include "shared/transport/endpoint.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace athanor::coordinator {

// Who this coordinator is, and whom it lets in.
struct EndpointKeys {
  transport::KeyPair own;
  std::filesystem::path allowed;  // transport::AllowList's file
  // What happened at the gate, for a log. Called on a thread of the transport's.
  std::function<void(const std::string& text)> news = [](const std::string&) {};
};

struct CoordinatorOptions {
  // How every worker works; `store_url` is what workers open.
  protocol::WorkSettings settings;
  // Who resolved environments whose input doesn't say it.
  std::string user;
  // For the worker socket: a directory of this coordinator's own, made if it doesn't exist (mode
  // 0700). Its path must leave room for a socket name within 107 bytes.
  std::filesystem::path state_directory;
  // What the whole fleet may do to the hosts that packages come from.
  OriginLimits origins{};
  // Empty: nothing survives this process but what is in the store.
  std::filesystem::path journal;
  // Where else workers may connect ("tcp://*:5670"); the ipc:// socket is always there.
  std::vector<std::string> endpoints;
  // tcp:// endpoints need keys, or that somebody has said Exposure::insecure.
  transport::Exposure exposure = transport::Exposure::local_only;
  std::optional<EndpointKeys> keys;

  // Of this machine, to be started and kept alive; none: workers come from elsewhere.
  WorkerProcessOptions workers;

  unsigned blocking_threads = 4;  // for store calls that publish environments
};

struct SubmitOptions {
  std::string name;  // for people
  int priority = 0;  // 100 points more: half the share of workers; lower is more urgent
};

enum class RunEnd {
  done,     // nothing is left to do
  drained,  // asked to stop: what ran has finished or was given back
  stopped,  // asked twice: at once
};

enum class EnvironmentOutcome { ready, failed, unfinished };

struct EnvironmentResult {
  BatchId batch;
  std::size_t environment = 0;  // index into the batch's Plan::environments
  EnvironmentOutcome outcome = EnvironmentOutcome::unfinished;
  std::vector<std::string> keys;  // ready: description first, then aliases
  std::uint64_t failed_packages = 0;
  Error error;  // failed: why; the message of the first package's failure, or publishing's
};

struct PackageFailure {
  BatchId batch;
  std::size_t package = 0;  // index into the batch's Plan::packages
  std::string source_url;
  JobFailure failure;
  FailureEnd end = FailureEnd::failed;
  std::uint32_t failures = 0;
  std::vector<std::string> killed;
};

// What a run came to. Package numbers are distinct packages.
struct RunSummary {
  RunEnd end = RunEnd::done;
  std::uint64_t packages_new = 0;     // done by a worker now
  std::uint64_t packages_had = 0;     // were in the store already
  std::uint64_t packages_failed = 0;  // conflicts in the store included
  std::uint64_t packages_unfinished = 0;
  std::vector<PackageFailure> failures;
  std::vector<EnvironmentResult> environments;  // in the order of their batches and plans
  std::uint64_t fetched_bytes = 0;
  std::uint64_t published_bytes = 0;
  std::uint64_t from_origin = 0;  // packages by provenance
  std::uint64_t from_local = 0;
  std::uint64_t from_store = 0;
  std::uint64_t transmuted = 0;  // formats made
  std::uint64_t adopted = 0;     // formats that another writer had published meanwhile
  std::vector<std::string> warnings;
  std::chrono::milliseconds elapsed{};
};

// A whole coordinator: the reactor, its journal, the sockets and the worker processes, behind the
// few calls that a command needs. One thread owns it and calls everything; the listener is called
// on that thread. Destroying it ends the worker processes.
class Coordinator {
 public:
  // Opens the journal and the sockets; starts no worker yet. `store` is where environments are
  // published to; it and the listener outlive the coordinator. Errors: rejected (another
  // coordinator has the journal, or a newer version wrote it), corrupt (the journal is damaged),
  // invalid (an endpoint).
  static Result<std::unique_ptr<Coordinator>> start(CoordinatorOptions options, Store& store,
                                                    RunListener& listener);
  virtual ~Coordinator() = default;

  // Takes a plan's work in; on return it is durable. Before or between runs.
  virtual Result<BatchId> submit(std::shared_ptr<const Plan> plan, SubmitOptions options) = 0;

  // Takes solves in; on return they are durable. Before or between runs. Errors: invalid (a request
  // breaks the protocol's limits; the text names the field).
  virtual Result<BatchId> submit_solves(std::vector<SolveRequest> requests,
                                        SubmitOptions options) = 0;
  // What became of a batch of solves, in the order of its requests. Between runs; the batch is
  // forgotten. REQUIRES: a batch that submit_solves() made, asked for once.
  virtual Result<std::vector<SolveOutcome>> take_solves(BatchId batch) = 0;

  // Works until every batch is finished, or until told to stop. Each byte that can be read from
  // `stop_fd` (non-blocking; -1: none) is one request to stop: the first drains, the second ends at
  // once. Errors: retry or rejected when the journal can't be written (nothing was said that isn't
  // durable), rejected when worker processes can't be kept alive.
  virtual Result<RunSummary> run_until_done(int stop_fd) = 0;
};

}  // namespace athanor::coordinator
