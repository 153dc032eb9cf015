#include "coordinator/server/service.hpp"

#include "coordinator/core/restore.hpp"
#include "coordinator/journal/journal.hpp"
#include "coordinator/server/session_numbers.hpp"
#include "shared/base/limits.hpp"
#include "shared/os/descriptors.hpp"
#include "shared/os/files.hpp"

#include <utility>

namespace athanor::coordinator {

Service::Service(ServiceOptions options, Store& store, RunListener& listener,
                 std::unique_ptr<const Clock> clock)
    : options_(std::move(options)),
      store_(store),
      layout_(options_.settings.packages_root, options_.settings.environments_root),
      listener_(listener),
      clock_(std::move(clock)) {}

Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::start(ServiceOptions options, Store& store,
                                                RunListener& listener,
                                                std::unique_ptr<const Clock> clock) {
  std::unique_ptr<Service> self(new Service(std::move(options), store, listener, std::move(clock)));
  ATHANOR_TRY(self->begin());
  ATHANOR_TRY(self->open_endpoints());
  self->host_->employ(self->options_.workers, self->worker_addresses_.front());
  return self;
}

Result<void> Service::begin() {
  ATHANOR_ASSIGN(std::unique_ptr<Journal> journal, Journal::open(options_.journal, *clock_));
  EventLoop::Options loop;
  loop.reactor.settings = options_.settings;
  loop.reactor.epoch = journal->epoch();
  loop.reactor.origins = options_.origins;
  loop.seed = unguessable_number();
  Journal& reading = *journal;
  ATHANOR_ASSIGN(auto writer, JournalWriter::start(std::move(journal)));
  loop_ = std::make_unique<EventLoop>(std::move(loop), unguessable_number, std::move(writer),
                                      static_cast<LoopHandler&>(*this), *clock_);
  ATHANOR_ASSIGN(host_, LoopHost::start(*loop_, *clock_, options_.blocking_threads));
  planner_ = std::make_unique<BatchPlanner>(store_, layout_, *clock_, options_.settings.origin_map,
                                            options_.settings.allow_file_origins);
  batches_ = std::make_unique<BatchDesk>(*loop_, host_->pool(), *planner_, *clock_,
                                         Random(unguessable_number()));
  // The writer's thread sleeps until the first turn is handed over, so the journal is still ours.
  Restorer restorer(loop_->reactor());
  ATHANOR_ASSIGN(std::vector<JournaledBatch> journaled, reading.restore(restorer));
  restorer.finish(clock_->now());
  batches_->restore(std::move(journaled));
  resumed_ = loop_->reactor().core().open_batches;
  clients_ = std::make_unique<ClientDesk>(*loop_, *batches_, layout_, *clock_);
  return {};
}

Result<std::unique_ptr<transport::RouterEndpoint>> Service::bind(const std::string& address,
                                                                 transport::Role role) {
  transport::SocketOptions socket;
  socket.endpoint = address;
  socket.exposure = options_.exposure;
  if (options_.keys && address.starts_with("tcp://")) {
    socket.security =
        transport::EndpointSecurity{.keys = options_.keys->own, .server_key = {}, .admits = role};
  }
  if (role == transport::Role::client) {
    socket.receive_queue = 16;  // parts of a submission are large
    socket.max_connections = limits::k_clients;
  }
  return transport::RouterEndpoint::bind(context_, socket);
}

Result<void> Service::open_endpoints() {
  ATHANOR_TRY(make_directories(options_.state_directory, Durability::none, 0700));
  if (!options_.worker_endpoints.empty() || !options_.client_endpoints.empty()) {
    raise_descriptor_limit();  // one for each worker and client
  }
  if (options_.keys) {
    ATHANOR_TRY(context_.admit(options_.keys->allowed, options_.keys->news));
  }
  const auto all = [&](const char* name, const std::vector<std::string>& others) {
    std::vector<std::string> addresses = {"ipc://" + (options_.state_directory / name).string()};
    addresses.insert(addresses.end(), others.begin(), others.end());
    return addresses;
  };
  for (const std::string& address : all("workers.sock", options_.worker_endpoints)) {
    ATHANOR_ASSIGN(auto endpoint, bind(address, transport::Role::worker));
    worker_addresses_.push_back(endpoint->address());
    loop_->add_endpoint(std::move(endpoint));
  }
  for (const std::string& address : all("clients.sock", options_.client_endpoints)) {
    ATHANOR_ASSIGN(auto endpoint, bind(address, transport::Role::client));
    client_addresses_.push_back(endpoint->address());
    clients_->add_endpoint(std::move(endpoint));
  }
  return {};
}

Result<ServiceEnd> Service::serve(int stop_fd) {
  while (host_->stops() < 2 && !(host_->stops() == 1 && loop_->reactor().is_drained())) {
    if (host_->stops() == 0) {
      ATHANOR_TRY(host_->start_workers());
    }
    ATHANOR_TRY(turn(stop_fd));
  }
  const ServiceEnd end = host_->stops() >= 2 ? ServiceEnd::stopped : ServiceEnd::drained;
  // Batches stay as they are: they are in the journal.
  ATHANOR_TRY(host_->farewell([&] { return turn(stop_fd); }));
  ATHANOR_TRY(loop_->flush());
  return end;
}

Result<void> Service::turn(int stop_fd) {
  ATHANOR_TRY(host_->turn(stop_fd, [this] {
    clients_->receive();
    if (host_->stops() == 0) {
      batches_->tick();
    }
  }));
  clients_->tick();
  return {};
}

void Service::on_event(const RunEvent& event) {
  host_->on_event(event);
  batches_->on_event(event);
  clients_->on_event(event);
  listener_.on_event(event);
}

void Service::publish_environment(EnvironmentId environment) {
  batches_->publish(environment);
}

}  // namespace athanor::coordinator
