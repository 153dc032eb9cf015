#include "coordinator/server/hosted_coordinator.hpp"

#include "coordinator/core/restore.hpp"
#include "coordinator/journal/journal.hpp"
#include "coordinator/server/session_numbers.hpp"
#include "shared/base/limits.hpp"
#include "shared/os/descriptors.hpp"
#include "shared/os/files.hpp"

#include <utility>
#include <variant>

namespace athanor::coordinator {

HostedCoordinator::HostedCoordinator(CoordinatorOptions options, Store& store,
                                     RunListener& listener, std::unique_ptr<const Clock> clock)
    : options_(std::move(options)),
      store_(store),
      layout_(options_.settings.packages_root, options_.settings.environments_root),
      listener_(listener),
      clock_(std::move(clock)) {}

HostedCoordinator::~HostedCoordinator() = default;

Result<std::unique_ptr<Coordinator>> Coordinator::start(CoordinatorOptions options, Store& store,
                                                        RunListener& listener) {
  ATHANOR_ASSIGN(std::unique_ptr<Coordinator> self,
                 HostedCoordinator::make(std::move(options), store, listener,
                                         std::make_unique<SystemClock>()));
  return self;
}

Result<std::unique_ptr<HostedCoordinator>> HostedCoordinator::make(
    CoordinatorOptions options, Store& store, RunListener& listener,
    std::unique_ptr<const Clock> clock) {
  std::unique_ptr<HostedCoordinator> self(
      new HostedCoordinator(std::move(options), store, listener, std::move(clock)));
  std::unique_ptr<Journal> journal;
  if (!self->options_.journal.empty()) {
    ATHANOR_ASSIGN(journal, Journal::open(self->options_.journal, *self->clock_));
  }
  ATHANOR_TRY(self->begin(std::move(journal)));
  ATHANOR_TRY(self->open_endpoints());
  ATHANOR_ASSIGN(self->host_,
                 LoopHost::start(*self->loop_, *self->clock_, self->options_.blocking_threads));
  return self;
}

Result<void> HostedCoordinator::begin(std::unique_ptr<Journal> journal) {
  EventLoop::Options loop;
  loop.reactor.settings = options_.settings;
  loop.reactor.origins = options_.origins;
  loop.seed = unguessable_number();
  std::unique_ptr<JournalWriter> writer;
  if (!journal) {
    loop.reactor.epoch = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_->wall_now().time_since_epoch())
            .count());
    loop_ = std::make_unique<EventLoop>(std::move(loop), unguessable_number, nullptr,
                                        static_cast<LoopHandler&>(*this), *clock_);
    return {};
  }
  loop.reactor.epoch = journal->epoch();
  Journal& reading = *journal;
  ATHANOR_ASSIGN(writer, JournalWriter::start(std::move(journal)));
  loop_ = std::make_unique<EventLoop>(std::move(loop), unguessable_number, std::move(writer),
                                      static_cast<LoopHandler&>(*this), *clock_);
  // The writer's thread sleeps until the first turn is handed over, so the journal is still ours.
  Restorer restorer(loop_->reactor());
  ATHANOR_ASSIGN(const std::vector<JournaledBatch> batches, reading.restore(restorer));
  restorer.finish(clock_->now());
  for (const JournaledBatch& batch : batches) {
    old_batches_.push_back(batch.id);
  }
  if (options_.endpoints.empty()) {
    loop_->reactor().on_no_return(clock_->now());  // worker processes die with their coordinator
  }
  muted_ = true;
  const Result<void> flushed = loop_->flush();
  muted_ = false;
  return flushed;
}

Result<void> HostedCoordinator::open_endpoints() {
  ATHANOR_TRY(make_directories(options_.state_directory, Durability::none, 0700));
  std::vector<std::string> addresses = {"ipc://" +
                                        (options_.state_directory / "workers.sock").string()};
  addresses.insert(addresses.end(), options_.endpoints.begin(), options_.endpoints.end());
  transport::SocketOptions socket;
  socket.exposure = options_.exposure;
  if (!options_.endpoints.empty()) {
    raise_descriptor_limit();  // one for each worker
  }
  if (options_.keys) {
    ATHANOR_TRY(context_.admit(options_.keys->allowed, options_.keys->news));
    socket.security = transport::EndpointSecurity{
        .keys = options_.keys->own, .server_key = {}, .admits = transport::Role::worker};
  }
  for (const std::string& address : addresses) {
    socket.endpoint = address;
    ATHANOR_ASSIGN(auto endpoint, transport::RouterEndpoint::bind(context_, socket));
    if (worker_address_.empty()) {
      worker_address_ = endpoint->address();
    }
    loop_->add_endpoint(std::move(endpoint));
  }
  return {};
}

Result<BatchId> HostedCoordinator::submit(std::shared_ptr<const Plan> plan, SubmitOptions options) {
  auto publisher = std::make_shared<EnvironmentPublisher>(store_, layout_, *plan, *clock_,
                                                          PublisherOptions{.user = options_.user});
  ATHANOR_TRY(publisher->look_ahead());
  Submission submission =
      make_submission(publisher->assembler(), std::move(options.name), options.priority, {});
  ATHANOR_TRY(check_sendable(submission));
  const Submitted submitted = loop_->reactor().on_submit(clock_->now(), std::move(submission));
  batches_.add(submitted.batch, std::move(plan), std::move(publisher), submitted.jobs);
  ATHANOR_TRY(loop_->flush());
  ATHANOR_TRY(supersede_old_batches());
  return submitted.batch;
}

Result<BatchId> HostedCoordinator::submit_solves(std::vector<SolveRequest> requests,
                                                 SubmitOptions options) {
  Submission submission =
      make_solve_submission(std::move(requests), std::move(options.name), options.priority);
  ATHANOR_TRY(check_sendable(submission));
  const Submitted submitted = loop_->reactor().on_submit(clock_->now(), submission);
  solves_.add(submitted.batch, submission, submitted);
  ATHANOR_TRY(loop_->flush());
  ATHANOR_TRY(supersede_old_batches());
  return submitted.batch;
}

Result<std::vector<SolveOutcome>> HostedCoordinator::take_solves(BatchId batch) {
  std::vector<SolveOutcome> outcomes = solves_.take(loop_->reactor().core(), batch);
  loop_->reactor().on_forget_batch(clock_->now(), batch);
  ATHANOR_TRY(loop_->flush());
  return outcomes;
}

// Whoever runs a command again says anew what is wanted: jobs of an earlier process that are still
// wanted have been joined by now, and the others are dropped.
Result<void> HostedCoordinator::supersede_old_batches() {
  muted_ = true;
  for (const BatchId batch : std::exchange(old_batches_, {})) {
    loop_->reactor().on_cancel_batch(clock_->now(), batch);
    loop_->reactor().on_forget_batch(clock_->now(), batch);
  }
  const Result<void> flushed = loop_->flush();
  muted_ = false;
  return flushed;
}

Result<RunSummary> HostedCoordinator::run_until_done(int stop_fd) {
  const TimePoint begin = clock_->now();
  host_->employ(options_.workers, worker_address_);
  while (!is_finished()) {
    // A run that has nothing to make needs nobody to make it.
    if (host_->stops() == 0 &&
        loop_->reactor().totals().jobs_waiting + loop_->reactor().totals().jobs_running != 0) {
      ATHANOR_TRY(host_->start_workers());
    }
    ATHANOR_TRY(host_->turn(stop_fd));
  }
  const RunEnd end = host_->stops() >= 2 ? RunEnd::stopped
                                         : (host_->stops() == 1 ? RunEnd::drained : RunEnd::done);
  ATHANOR_TRY(farewell(stop_fd));
  ATHANOR_TRY(loop_->flush());
  RunSummary summary = summary_.build(batches_);
  if (auto warning = trouble_with_peers(loop_->violations(), loop_->connection_counts())) {
    summary.warnings.push_back(*std::move(warning));
  }
  summary.end = end == RunEnd::drained && loop_->reactor().is_idle() ? RunEnd::done : end;
  summary.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock_->now() - begin);
  return summary;
}

bool HostedCoordinator::is_finished() const {
  if (host_->stops() >= 2) {
    return true;
  }
  const Reactor& reactor = loop_->reactor();
  return reactor.is_idle() ||
         (host_->stops() == 1 && reactor.is_drained() && host_->pool().outstanding() == 0);
}

Result<void> HostedCoordinator::farewell(int stop_fd) {
  std::vector<WorkerId> workers;
  for (const auto& [id, worker] : loop_->reactor().core().workers.all()) {
    workers.push_back(id);
  }
  if (options_.workers.count != 0 && host_->stops() == 0) {
    for (const WorkerId id : workers) {
      loop_->reactor().on_drain_worker(clock_->now(), id);
    }
  }
  return host_->farewell([&] { return host_->turn(stop_fd); });
}

void HostedCoordinator::on_event(const RunEvent& event) {
  if (muted_) {
    return;
  }
  host_->on_event(event);
  // The collection of loose packages is our own affair.
  if (const auto* ready = std::get_if<EnvironmentReady>(&event)) {
    if (!batches_.is_environment(ready->batch, ready->environment)) {
      return;
    }
  }
  if (const auto* failed = std::get_if<EnvironmentFailed>(&event)) {
    if (!batches_.is_environment(failed->batch, failed->environment)) {
      return;
    }
  }
  summary_.on_event(event);
  listener_.on_event(event);
}

void HostedCoordinator::publish_environment(EnvironmentId environment) {
  const auto& environments = loop_->reactor().core().environments;
  const auto found = environments.find(environment);
  if (found == environments.end() || batches_.plan(found->second.batch) == nullptr) {
    return;  // an old batch's, which is about to be superseded
  }
  host_->pool().post(
      [this, environment, job = batches_.environment_job(loop_->reactor().core(), environment)](
          std::stop_token stop) -> BlockingPool::Answer {
        Result<std::vector<std::string>> keys = job.publish(stop);
        return [this, environment, keys = std::move(keys)] {
          loop_->reactor().on_environment_published(clock_->now(), environment, keys);
        };
      });
}

}  // namespace athanor::coordinator
