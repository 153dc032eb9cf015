#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/core/origins.hpp"
#include "coordinator/server/batch_desk.hpp"
#include "coordinator/server/client_desk.hpp"
#include "coordinator/server/coordinator.hpp"
#include "coordinator/server/event_loop.hpp"
#include "coordinator/server/loop_host.hpp"
#include "coordinator/server/worker_processes.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/layout/layout.hpp"
#include "shared/protocol/messages.hpp"
#include "shared/store/store.hpp"
#include "shared/transport/endpoint.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace athanor::coordinator {

struct ServiceOptions {
  // How every worker works; `store_url` is what workers open.
  protocol::WorkSettings settings;
  OriginLimits origins;
  // For the ipc:// sockets: a directory of this coordinator's own, made if it doesn't exist (mode
  // 0700). Its path must leave room for a socket name within 107 bytes.
  std::filesystem::path state_directory;
  std::filesystem::path journal;

  // Where else workers and clients may connect; the ipc:// sockets are always there.
  std::vector<std::string> worker_endpoints;
  std::vector<std::string> client_endpoints;
  // What protects endpoints that leave this machine; without it they are refused.
  transport::Exposure exposure = transport::Exposure::local_only;
  std::optional<EndpointKeys> keys;

  // Of this machine, to be started and kept alive; none: workers come from elsewhere.
  WorkerProcessOptions workers;

  unsigned blocking_threads = 6;  // for surveys and for publishing environments
};

enum class ServiceEnd {
  drained,  // what ran has finished or was given back
  stopped,  // asked twice: at once
};

// A coordinator that serves clients and workers until it is told to stop: the same loop as
// Coordinator's, with the clients' side and batches that outlive the process. One thread owns it
// and calls everything; the listener is called on that thread.
class Service final : private LoopHandler {
 public:
  // Opens the journal and the sockets, takes up what the journal holds. Store and listener outlive
  // the service. Errors: rejected (another coordinator has the journal, a newer version wrote it,
  // or an endpoint leaves the machine unprotected), corrupt (the journal is damaged), invalid (an
  // endpoint).
  static Result<std::unique_ptr<Service>> start(ServiceOptions options, Store& store,
                                                RunListener& listener,
                                                std::unique_ptr<const Clock> clock);
  ~Service() override;

  const std::vector<std::string>& worker_addresses() const { return worker_addresses_; }
  const std::vector<std::string>& client_addresses() const { return client_addresses_; }
  // Batches that were open when the journal was last written.
  std::size_t resumed_batches() const { return resumed_; }

  // Each byte that can be read from `stop_fd` (non-blocking) is one request to stop: the first
  // drains, the second ends at once. Errors: the journal's; rejected when worker processes can't be
  // kept alive.
  Result<ServiceEnd> serve(int stop_fd);

 private:
  Service(ServiceOptions options, Store& store, RunListener& listener,
          std::unique_ptr<const Clock> clock);
  Result<void> begin();
  Result<void> open_endpoints();
  Result<std::unique_ptr<transport::RouterEndpoint>> bind(const std::string& address,
                                                          transport::Role role);
  Result<void> turn(int stop_fd);

  // LoopHandler
  void on_event(const RunEvent& event) override;
  void publish_environment(EnvironmentId environment) override;

  const ServiceOptions options_;
  Store& store_;
  const Layout layout_;
  RunListener& listener_;
  const std::unique_ptr<const Clock> clock_;

  transport::Context context_;
  std::unique_ptr<BatchPlanner> planner_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<BatchDesk> batches_;
  std::unique_ptr<ClientDesk> clients_;
  std::vector<std::string> worker_addresses_;
  std::vector<std::string> client_addresses_;
  std::size_t resumed_ = 0;
  std::unique_ptr<LoopHost> host_;  // goes first: its pool's tasks use the rest
};

}  // namespace athanor::coordinator
