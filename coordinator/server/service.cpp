#include "coordinator/server/service.hpp"

#include "coordinator/core/restore.hpp"
#include "coordinator/journal/journal.hpp"
#include "coordinator/server/session_numbers.hpp"
#include "shared/base/limits.hpp"
#include "shared/os/descriptors.hpp"
#include "shared/os/files.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <variant>

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
  self->make_worker_processes();
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
  ATHANOR_ASSIGN(pool_, BlockingPool::start(options_.blocking_threads));
  planner_ = std::make_unique<BatchPlanner>(store_, layout_, *clock_, options_.settings.origin_map,
                                            options_.settings.allow_file_origins);
  batches_ =
      std::make_unique<BatchDesk>(*loop_, *pool_, *planner_, *clock_, Random(unguessable_number()));
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

void Service::make_worker_processes() {
  WorkerProcessOptions workers;
  workers.program = options_.worker_program;
  workers.arguments = {"--connect", worker_addresses_.front()};
  workers.arguments.insert(workers.arguments.end(), options_.worker_arguments.begin(),
                           options_.worker_arguments.end());
  workers.environment = options_.worker_environment;
  workers.count = options_.workers;
  processes_ = std::make_unique<WorkerProcesses>(std::move(workers));
}

Result<ServiceEnd> Service::serve(int stop_fd) {
  while (stops_ < 2 && !(stops_ == 1 && loop_->reactor().is_drained())) {
    if (stops_ == 0) {
      ATHANOR_TRY(processes_->start_due(clock_->now()));
    }
    ATHANOR_TRY(turn(stop_fd));
  }
  const ServiceEnd end = stops_ >= 2 ? ServiceEnd::stopped : ServiceEnd::drained;
  ATHANOR_TRY(farewell(stop_fd));
  ATHANOR_TRY(loop_->flush());
  return end;
}

// Worker processes that were started here leave by themselves, or are made to. Batches stay as they
// are: they are in the journal.
Result<void> Service::farewell(int stop_fd) {
  processes_->retire();
  const TimePoint deadline = clock_->now() + limits::k_farewell;
  unsigned signaled = 0;
  while (processes_->running() != 0 && clock_->now() < deadline) {
    if (stops_ >= 2 && signaled < 2) {
      // A worker's first signal drains it, its second ends it cleanly but at once.
      processes_->signal_all(SIGTERM);
      ++signaled;
    }
    ATHANOR_TRY(turn(stop_fd));
  }
  processes_->signal_all(SIGKILL);
  return {};
}

Result<void> Service::turn(int stop_fd) {
  std::vector<int> fds = processes_->fds();
  fds.push_back(pool_->wake_fd());
  if (stop_fd >= 0) {
    fds.push_back(stop_fd);
  }
  ATHANOR_TRY(loop_->turn(fds, processes_->next_start(),
                          [&](std::span<const int> readable) { inject(stop_fd, readable); }));
  clients_->tick();
  return {};
}

void Service::inject(int stop_fd, std::span<const int> readable) {
  const auto is_readable = [&](int fd) {
    return std::find(readable.begin(), readable.end(), fd) != readable.end();
  };
  if (stop_fd >= 0 && is_readable(stop_fd)) {
    take_stop_requests(stop_fd);
  }
  if (is_readable(pool_->wake_fd())) {
    pool_->run_answers();
  }
  for (const WorkerProcesses::Ended& ended : processes_->take_ended(clock_->now())) {
    loop_->reactor().on_process_ended(clock_->now(), ended.name, ended.reason);
  }
  clients_->receive();
  if (stops_ == 0) {
    batches_->tick();
  }
}

void Service::take_stop_requests(int stop_fd) {
  char requests[16];
  const auto count = ::read(stop_fd, requests, sizeof requests);
  if (count <= 0) {
    return;
  }
  if (stops_ == 0) {
    loop_->reactor().on_drain(clock_->now());
  }
  stops_ += static_cast<unsigned>(count);
}

void Service::on_event(const RunEvent& event) {
  if (std::holds_alternative<JobFinished>(event)) {
    processes_->note_progress();
  } else if (std::holds_alternative<WorkerJoined>(event)) {
    processes_->note_joined();
  }
  batches_->on_event(event);
  clients_->on_event(event);
  listener_.on_event(event);
}

void Service::publish_environment(EnvironmentId environment) {
  batches_->publish(environment);
}

}  // namespace athanor::coordinator
