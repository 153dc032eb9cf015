#include "worker/supervisor/supervisor.hpp"

#include "shared/base/random.hpp"
#include "shared/base/version.hpp"
#include "shared/os/signals.hpp"
#include "worker/session/session.hpp"
#include "worker/supervisor/equipment.hpp"
#include "worker/supervisor/job_runner.hpp"

#include <array>
#include <csignal>
#include <utility>

namespace athanor::worker {
namespace {

using std::chrono::milliseconds;

// How often the session is told the time; well below the shortest heartbeat in use.
constexpr milliseconds k_tick{200};
// Messages taken in one turn, so that a busy socket doesn't starve signals and jobs.
constexpr int k_messages_per_turn = 256;
// One job per slot waits in front of it, so that a slot doesn't stand idle for a round trip.
constexpr unsigned k_held_per_slot = 2;

// In place of an outcome that the protocol can't carry.
JobFailure unspeakable(const Error& why) {
  JobFailure failure;
  failure.stage = Stage::publish;
  failure.kind = ErrorKind::bug;
  failure.message = "the outcome can't be reported: " + why.message;
  return failure;
}

// The loop of one worker process: the session's outbox, and its only caller.
class Supervisor final : public Outbox {
 public:
  Supervisor(const WorkerOptions& options, const Clock& clock, Logger& log)
      : options_(options),
        clock_(clock),
        log_(log),
        session_({.name = options.name,
                  .version = std::string(version()),
                  .capacity = {.jobs = options.slots * k_held_per_slot,
                               .cpu = options.cpu,
                               .slots = options.slots},
                  .slots = options.slots,
                  .max_jobs = options.max_jobs},
                 Random::from_entropy(), *this) {}

  Result<WorkerResult> run() {
    ATHANOR_ASSIGN(SignalQueue signals, SignalQueue::open({SIGINT, SIGTERM}));
    ignore_broken_pipes();
    ATHANOR_ASSIGN(workspace_, Workspace::open({.parent = options_.scratch_parent}));
    ATHANOR_ASSIGN(runner_, JobRunner::create(options_.slots, clock_));
    ATHANOR_TRY(connect());
    begin_ = clock_.now();
    idle_since_ = begin_;
    alone_since_ = begin_;
    log_.info("worker starts", {{"name", options_.name},
                                {"coordinator", options_.endpoint},
                                {"jobs", options_.slots},
                                {"cpu", options_.cpu}});
    if (is_exposed()) {
      log_.warning(
          "INSECURE: nothing protects this connection; whoever can reach the coordinator "
          "or is on the way can read and forge everything",
          {{"coordinator", options_.endpoint}});
    }
    while (!session_.end()) {
      ATHANOR_TRY(turn(signals));
    }
    WorkerResult result = conclude();
    result.threads_ended = runner_->shut_down(options_.stop_patience);
    if (failure_) {
      return std::move(*failure_);
    }
    return result;
  }

  // --- Outbox: called from inside session_ -------------------------------------------------------

  void send(protocol::Message message) override {
    Result<protocol::Frames> frames = protocol::encode(message);
    if (!frames) {
      log_.error("a message can't be sent", {{"why", frames.error().message}});
      // An outcome must arrive, or the job would be held for ever.
      auto* report = std::get_if<protocol::Report>(&message);
      if (report == nullptr) {
        return;
      }
      report->outcome = unspeakable(frames.error());
      frames = protocol::encode(message);
      ATHANOR_CHECK(frames.ok());
    }
    if (dealer_->send(*frames) != transport::SendOutcome::sent) {
      log_.debug("a message found no coordinator", {{"type", protocol::type_name(message)}});
    }
  }

  void reconnect() override {
    log_.warning("the coordinator is silent; connecting anew", {});
    if (Result<void> done = dealer_->reconnect(); !done) {
      log_.error("cannot connect anew", {{"why", done.error().message}});
    }
  }

  void configure(const protocol::WorkSettings& settings) override {
    Result<std::shared_ptr<Pipeline>> pipeline =
        equip(settings, {.access = options_.access,
                         .workspace = *workspace_,
                         .clock = clock_,
                         .log = log_,
                         .cache_directory = options_.cache_directory,
                         .cpu = options_.cpu});
    if (!pipeline) {
      failure_ = std::move(pipeline).error().with_context("this worker can't do its work");
      return;
    }
    pipeline_ = std::move(pipeline).value();
  }

  void start(const LeaseKey& lease, const JobSpec& spec) override {
    if (failure_) {
      return;  // we are about to give everything back
    }
    log_.debug("job starts", {{"job", lease.job.value}, {"source", spec.source_url}});
    runner_->start(lease, spec, pipeline_);
  }

  void stop(const LeaseKey& lease) override { runner_->stop(lease); }

 private:
  Result<void> connect() {
    transport::SocketOptions socket;
    socket.endpoint = options_.endpoint;
    socket.exposure = options_.exposure;
    socket.security = options_.security;
    ATHANOR_ASSIGN(dealer_, transport::DealerEndpoint::connect(context_, std::move(socket)));
    return {};
  }

  bool is_exposed() const { return !options_.security && options_.endpoint.starts_with("tcp://"); }

  Result<void> turn(SignalQueue& signals) {
    const std::array<transport::Endpoint*, 1> endpoints{dealer_.get()};
    const std::array<int, 2> fds{signals.fd(), runner_->wake_fd()};
    ATHANOR_TRY(transport::wait(endpoints, fds, k_tick));
    const TimePoint now = clock_.now();
    for (const int signal : signals.take()) {
      on_signal(signal, now);
    }
    for (const transport::LinkEvent event : dealer_->take_events()) {
      on_link(event, now);
    }
    take_messages(now);
    for (FinishedJob& job : runner_->take_finished()) {
      on_finished(std::move(job), now);
    }
    if (now >= tick_at_) {
      tick_at_ = now + k_tick;
      session_.on_tick(runner_->progress(), now);
    }
    leave_in_time(now);
    return {};
  }

  void on_link(transport::LinkEvent event, TimePoint now) {
    switch (event) {
      case transport::LinkEvent::connected:
        trouble_.clear();
        session_.on_connected(now);
        break;
      case transport::LinkEvent::disconnected:
        session_.on_disconnected(now);
        break;
      case transport::LinkEvent::refused:
        note_trouble(
            options_.security
                ? "the coordinator doesn't allow this worker's key; add this line to its list: " +
                      transport::allow_list_line("worker", options_.security->keys.public_key,
                                                 "NAME")
                : "the coordinator refused this worker, which has no key");
        break;
      case transport::LinkEvent::failed_handshake:
        note_trouble(options_.security
                         ? "the handshake failed: the coordinator has another key than "
                           "--server-key says, or uses none"
                         : "the handshake failed: the coordinator may want keys (--key, "
                           "--server-key)");
        break;
    }
  }

  // Connecting goes on; each cause is told once.
  void note_trouble(std::string trouble) {
    if (trouble != trouble_) {
      trouble_ = std::move(trouble);
      log_.warning(trouble_, {{"coordinator", options_.endpoint}});
    }
  }

  void take_messages(TimePoint now) {
    for (int i = 0; i < k_messages_per_turn; ++i) {
      const std::optional<protocol::Frames> frames = dealer_->receive();
      if (!frames) {
        return;
      }
      const Result<protocol::Message> message = protocol::decode(frames->header, frames->body);
      if (message) {
        session_.on_message(*message, now);
      } else if (message.error().kind == ErrorKind::unsupported) {
        log_.debug("a message is too new for this worker", {{"why", message.error().message}});
      } else {
        log_.warning("a message is broken", {{"why", message.error().message}});
      }
    }
  }

  void on_finished(FinishedJob job, TimePoint now) {
    if (const auto* failure = std::get_if<JobFailure>(&job.outcome)) {
      log_.debug("job failed", {{"job", job.lease.job.value},
                                {"stage", to_string(failure->stage)},
                                {"kind", to_string(failure->kind)},
                                {"why", failure->message}});
    } else {
      log_.debug("job is done", {{"job", job.lease.job.value}});
    }
    session_.on_finished(job.lease, std::move(job.outcome), now);
  }

  void on_signal(int signal, TimePoint now) {
    if (!drain_since_) {
      log_.info("asked to stop; finishing what runs", {{"signal", signal}});
      drain_since_ = now;
      session_.drain(now);
    } else {
      log_.info("asked to stop at once", {{"signal", signal}});
      abandon(WorkerEnd::interrupted, "interrupted: running jobs were given back", now);
    }
  }

  void leave_in_time(TimePoint now) {
    if (failure_) {
      abandon(WorkerEnd::left, {}, now);
      return;
    }
    // The session knows nobody before the first connection; then it is we who are alone.
    const std::optional<TimePoint> alone =
        session_.state() == SessionState::offline || session_.alone_since()
            ? std::optional(session_.alone_since().value_or(alone_since_))
            : std::nullopt;
    if (!alone) {
      alone_since_ = now;
    } else if (options_.on_coordinator_lost == OnCoordinatorLost::stop &&
               now - *alone >= options_.lost_patience) {
      abandon(WorkerEnd::coordinator_lost,
              "no coordinator at " + options_.endpoint + " for " +
                  std::to_string(options_.lost_patience.count() / 1000) + " s" +
                  (trouble_.empty() ? "" : ": " + trouble_),
              now);
    }
    if (drain_since_ && now - *drain_since_ >= options_.drain_timeout) {
      abandon(WorkerEnd::left, "running jobs were given back: draining took too long", now);
    }
    if (session_.held() > 0 || session_.running() > 0) {
      idle_since_ = now;
    }
    const bool idle_too_long = options_.idle_timeout && now - idle_since_ >= *options_.idle_timeout;
    const bool too_old = options_.time_limit && now - begin_ >= *options_.time_limit;
    if (!drain_since_ && (idle_too_long || too_old)) {
      log_.info(idle_too_long ? "nothing to do; leaving" : "time is over; leaving", {});
      drain_since_ = now;
      session_.drain(now);
    }
  }

  void abandon(WorkerEnd end, std::string reason, TimePoint now) {
    if (!session_.end()) {
      abandoned_ = WorkerResult{.end = end, .reason = std::move(reason)};
      session_.abandon(now);
    }
  }

  WorkerResult conclude() {
    WorkerResult result = abandoned_.value_or(WorkerResult{});
    if (session_.end()->rejected) {
      result.end = WorkerEnd::rejected;
      result.reason = session_.end()->reason;
    }
    log_.info("worker ends", {{"name", options_.name}, {"why", result.reason}});
    return result;
  }

  const WorkerOptions& options_;
  const Clock& clock_;
  Logger& log_;

  transport::Context context_;
  std::unique_ptr<transport::DealerEndpoint> dealer_;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<JobRunner> runner_;   // its jobs use the workspace
  std::shared_ptr<Pipeline> pipeline_;  // shared with the jobs that run on it
  Session session_;

  std::string trouble_;           // why there is no connection, as far as it is known
  std::optional<Error> failure_;  // the settings can't be worked with
  std::optional<WorkerResult> abandoned_;
  std::optional<TimePoint> drain_since_;
  TimePoint begin_{};
  TimePoint idle_since_{};
  TimePoint alone_since_{};  // before the session knows of a connection
  TimePoint tick_at_{};
};

}  // namespace

Result<WorkerResult> run_worker(const WorkerOptions& options, const Clock& clock, Logger& log) {
  // On the heap: when a thread can't be stopped, it is left behind rather than waited for.
  auto supervisor = std::make_unique<Supervisor>(options, clock, log);
  Result<WorkerResult> result = supervisor->run();
  if (result && !result->threads_ended) {
    supervisor.release();  // NOLINT(bugprone-unused-return-value): the caller ends the process
  }
  return result;
}

}  // namespace athanor::worker
