#include "tests/simulation/world.hpp"

#include "coordinator/core/invariants.hpp"
#include "coordinator/core/restore.hpp"
#include "shared/protocol/codec.hpp"

#include <cstdio>
#include <functional>
#include <string_view>
#include <variant>

namespace athanor::simulation {

using namespace std::chrono_literals;
using coordinator::JobState;
using coordinator::PeerId;

namespace {

constexpr auto k_chaos = 60s;        // then the faults end
constexpr auto k_patience = 1'800s;  // and everything must get done within this

JobSpec spec_of(std::uint64_t number, bool poison) {
  JobSpec spec;
  spec.source_url = "https://conda.test/c/linux-64/" + std::string(poison ? "poison" : "p") +
                    std::to_string(number) + "-1-0.tar.bz2";
  spec.fetch_url = spec.source_url;
  spec.wanted = {Format::conda, Format::tar_bz2};
  return spec;
}

}  // namespace

World::World(WorldOptions options)
    : options_(options),
      random_(options.seed * 0x9e3779b97f4a7c15U + 1),
      now_(std::chrono::hours(1)) {
  draw_faults();
  const std::size_t workers = 1 + random_.below(4);
  for (std::size_t i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<SimWorker>(*this, i));
    processes_.push_back(0);
  }
  submissions_left_ = 1 + random_.below(3);
}

World::~World() = default;

void World::draw_faults() {
  const auto pick = [this](double most) {
    return random_.below(2) == 0 ? 0 : random_.unit() * most;
  };
  faults_.loss = pick(0.1);
  faults_.repeat = pick(0.1);
  faults_.reorder = pick(0.3);
  faults_.cut = pick(0.02);
  faults_.freeze = pick(0.01);
  faults_.kill = pick(0.02);
  faults_.hang = pick(0.05);
  faults_.slow = pick(0.2);
  faults_.fail = pick(0.2);
  faults_.coordinator_crash = pick(0.002);
  faults_.poison = random_.below(8) == 0;
}

Duration World::some(std::chrono::milliseconds low, std::chrono::milliseconds high) {
  return low + std::chrono::milliseconds(
                   random_.below(static_cast<std::uint64_t>((high - low).count()) + 1));
}

void World::after(Duration delay, std::function<void()> what) {
  events_.push({.at = now_ + delay, .order = ++order_, .what = std::move(what)});
}

void World::tell(const std::string& what) {
  verdict_.fingerprint =
      (verdict_.fingerprint ^ std::hash<std::string>{}(what)) * 0x9e3779b97f4a7c15U;
  if (options_.tell) {
    const auto time = std::chrono::duration<double>(now_.time_since_epoch() - 1h).count();
    std::printf("%9.3f  %s\n", time, what.c_str());
  }
}

void World::broken(const std::string& rule) {
  tell("BROKEN: " + rule);
  if (verdict_.problems.size() < 10) {
    verdict_.problems.push_back(rule);
  }
}

Verdict World::run() {
  start_coordinator();
  for (const auto& worker : workers_) {
    worker->start_process();
  }
  tick_coordinator();
  after(some(0ms, 2s), [this] { submit_some(); });
  const TimePoint calm = now_ + k_chaos;
  const TimePoint end = calm + k_patience;
  while (!events_.empty() && verdict_.problems.empty()) {
    Event event = events_.top();
    events_.pop();
    now_ = event.at;
    if (faults_on_ && now_ >= calm) {
      tell("calm");
      faults_on_ = false;
      faults_.poison = false;
    }
    if (now_ >= end) {
      broken("everything gets done in the end");
      break;
    }
    event.what();
    ++verdict_.events;
    if (!faults_on_ && is_done()) {
      break;
    }
  }
  return std::move(verdict_);
}

bool World::is_done() const {
  return submissions_left_ == 0 && reactor_ != nullptr && reactor_->is_idle() && records_.empty();
}

// --- The coordinator -----------------------------------------------------------------------------

void World::start_coordinator() {
  ++epoch_;
  tell("coordinator starts, epoch " + std::to_string(epoch_));
  coordinator::ReactorOptions options;
  options.epoch = epoch_;
  options.settings.store_url = "file:///store";
  options.settings.packages_root = "packages";
  options.settings.environments_root = "envs";
  options.settings.zstd_level = 19;
  reactor_ = std::make_unique<coordinator::Reactor>(
      std::move(options), Random(random_.next()), [this] { return random_.next() | 1U; },
      static_cast<coordinator::Outbox&>(*this));
  coordinator::Restorer restorer(*reactor_);
  if (const std::string problem = journal_.restore(restorer); !problem.empty()) {
    broken("the journal can be restored: " + problem);
    return;
  }
  restorer.finish(now_);
  check_said_is_durable();
  turn([](coordinator::Reactor&) {});
}

void World::crash_coordinator(const char* where) {
  tell(std::string("coordinator crashes ") + where);
  reactor_.reset();
  records_.clear();
  actions_.clear();
  on_commit_ = nullptr;
  for (auto& [id, connection] : connections_) {
    if (connection.open) {
      connection.open = false;
      after(some(1ms, 50ms),
            [this, id = id, worker = connection.worker] { workers_[worker]->on_disconnected(id); });
    }
  }
  connections_.clear();
  after(some(100ms, 15s), [this] { start_coordinator(); });
}

void World::turn(const std::function<void(coordinator::Reactor&)>& what) {
  if (reactor_ == nullptr) {
    return;
  }
  what(*reactor_);
  reactor_->dispatch(now_);
  check_rules();
  if (options_.canary == Canary::say_before_durable && !perform_actions()) {
    return;
  }
  if (!records_.empty() && chance(faults_.coordinator_crash * 5)) {
    crash_coordinator("before its turn is durable");
    return;
  }
  if (options_.canary == Canary::forget_grants) {
    std::erase_if(records_, [](const coordinator::Record& record) {
      const auto* state = std::get_if<coordinator::JobStateRecord>(&record);
      return state != nullptr && state->transition.event == coordinator::JobEvent::grant;
    });
  }
  journal_.commit(records_);
  records_.clear();
  if (const auto committed = std::exchange(on_commit_, nullptr)) {
    committed();
  }
  if (chance(faults_.coordinator_crash)) {
    crash_coordinator("before anything of its turn is said");
    return;
  }
  perform_actions();
}

// False if the coordinator crashed in between.
bool World::perform_actions() {
  std::vector<std::function<void()>> actions;
  actions.swap(actions_);
  for (const auto& action : actions) {
    if (chance(faults_.coordinator_crash)) {
      crash_coordinator("in the middle of what it says");
      return false;
    }
    action();
  }
  return true;
}

void World::tick_coordinator() {
  turn([this](coordinator::Reactor& reactor) { reactor.on_tick(now_); });
  after(100ms, [this] { tick_coordinator(); });
}

void World::check_rules() {
  for (const std::string& problem : coordinator::check_invariants(reactor_->core())) {
    broken(problem);
  }
}

void World::check_said_is_durable() {
  for (const auto& [id, times] : finished_) {
    const coordinator::Job* job = reactor_->core().jobs.find(id);
    if (job != nullptr && job->state != JobState::done && asked_[id] <= times) {
      broken("a job that was reported done is done after a restart (" + std::to_string(id.value) +
             ")");
    }
  }
  for (const BatchId batch : submitted_) {
    if (reactor_->core().batches.count(batch) == 0) {
      broken("a batch that was acknowledged is there after a restart");
    }
  }
}

// --- The client ----------------------------------------------------------------------------------

void World::submit_some() {
  if (submissions_left_ == 0) {
    return;  // asked again although an answer had come
  }
  if (reactor_ == nullptr) {
    after(1s, [this] { submit_some(); });
    return;
  }
  turn([this](coordinator::Reactor& reactor) {
    coordinator::Submission submission;
    submission.name = "batch";
    submission.priority = static_cast<int>(random_.below(3)) * 100;
    std::set<std::uint64_t> numbers;
    const std::uint64_t jobs = random_.below(12);
    for (std::uint64_t i = 0; i < jobs; ++i) {
      numbers.insert(random_.below(20));
    }
    for (const std::uint64_t number : numbers) {
      submission.jobs.push_back(spec_of(number, faults_.poison && number == 0));
    }
    const std::uint64_t environments = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < environments; ++i) {
      coordinator::SubmittedEnvironment environment;
      for (std::size_t job = 0; job < submission.jobs.size(); ++job) {
        if (job % environments == i || random_.below(3) == 0) {
          environment.jobs.push_back(job);
        }
      }
      environment.publish = random_.below(4) != 0;
      submission.environments.push_back(std::move(environment));
    }
    const coordinator::Submitted submitted = reactor.on_submit(now_, std::move(submission));
    tell("batch " + std::to_string(submitted.batch.value) + " with " +
         std::to_string(submitted.jobs.size()) + " jobs is submitted");
    on_commit_ = [this, submitted] {
      for (const JobId job : submitted.jobs) {
        ++asked_[job];
      }
    };
    actions_.emplace_back([this, submitted] {
      submitted_.insert(submitted.batch);
      --submissions_left_;
      if (submissions_left_ != 0) {
        after(some(0ms, 20s), [this] { submit_some(); });
      }
      if (faults_on_ && random_.below(6) == 0) {
        after(some(0ms, 20s), [this, batch = submitted.batch] {
          tell("batch " + std::to_string(batch.value) + " is canceled");
          turn([this, batch](coordinator::Reactor& again) { again.on_cancel_batch(now_, batch); });
        });
      }
    });
  });
  // Without an answer a client asks again; the jobs are joined.
  if (reactor_ == nullptr) {
    after(1s, [this] { submit_some(); });
  }
}

// --- The network ---------------------------------------------------------------------------------

bool World::is_current(std::size_t worker, std::uint64_t process) const {
  return processes_[worker] == process;
}

void World::connect(std::size_t worker, std::uint64_t process) {
  processes_[worker] = process;
  after(some(1ms, 200ms), [this, worker, process] {
    if (!is_current(worker, process)) {
      return;
    }
    if (reactor_ == nullptr || chance(faults_.cut * 5)) {
      connect(worker, process);
      return;
    }
    const std::uint64_t id = next_connection_++;
    connections_[id] = {
        .worker = worker, .process = process, .open = true, .partitioned_until = {}};
    workers_[worker]->on_connected(id);
  });
}

void World::drop_connection(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.open) {
    return;
  }
  found->second.open = false;
  after(some(1ms, 20ms),
        [this, id, worker = found->second.worker] { workers_[worker]->on_disconnected(id); });
  // The coordinator may not notice for a while.
  after(chance(0.3) ? some(1s, 8s) : some(1ms, 20ms), [this, id] {
    connections_.erase(id);
    turn([this, id](coordinator::Reactor& reactor) { reactor.on_disconnected(now_, PeerId{id}); });
  });
}

void World::to_coordinator(std::uint64_t id, const protocol::Message& message) {
  const auto frames = protocol::encode(message);
  if (!frames.ok()) {
    broken("workers say what can be said: " + frames.error().message);
    return;
  }
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.open || chance(faults_.loss)) {
    return;
  }
  const int copies = chance(faults_.repeat) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const Duration delay = chance(faults_.reorder) ? some(1ms, 3s) : Duration(1ms);
    after(delay, [this, id, epoch = epoch_, frames = *frames] {
      if (epoch != epoch_ || reactor_ == nullptr) {
        return;  // it died with the process that it was sent to
      }
      const auto decoded = protocol::decode(frames.header, frames.body);
      if (!decoded.ok()) {
        broken("what was encoded can be decoded");
        return;
      }
      turn([&](coordinator::Reactor& reactor) { reactor.on_message(now_, PeerId{id}, *decoded); });
    });
  }
}

void World::deliver(std::uint64_t id, protocol::Message message) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.open || chance(faults_.loss)) {
    return;
  }
  const int copies = chance(faults_.repeat) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const Duration delay = chance(faults_.reorder) ? some(1ms, 3s) : Duration(1ms);
    after(delay, [this, id, worker = found->second.worker, message] {
      const auto still = connections_.find(id);
      if (still != connections_.end() && still->second.open) {
        workers_[worker]->on_message(id, message);
      }
    });
  }
}

void World::process_ended(const std::string& name) {
  if (random_.below(2) == 0) {  // a child of the coordinator's
    after(1ms, [this, name] {
      turn([&](coordinator::Reactor& reactor) { reactor.on_process_ended(now_, name, "died"); });
    });
  }
}

void World::put_if_absent(const std::string& slot, const std::string& hash) {
  const auto [object, created] = store_.try_emplace(slot, hash);
  if (object->second != hash) {
    broken("no slot gets a second hash: " + slot);
  }
}

// --- What the reactor says -----------------------------------------------------------------------

void World::send(PeerId peer, protocol::Message message) {
  const auto frames = protocol::encode(message);
  if (!frames.ok()) {
    broken("the coordinator says what can be said: " + frames.error().message);
    return;
  }
  actions_.emplace_back([this, peer, message = std::move(message)] {
    if (const auto* grant = std::get_if<protocol::Grant>(&message)) {
      for (const protocol::GrantedJob& job : grant->jobs) {
        tell("grant job " + std::to_string(job.lease.job.value) + " attempt " +
             std::to_string(job.lease.attempt));
        if (!granted_.emplace(job.lease.job.value, job.lease.attempt).second) {
          broken("no attempt at a job is granted twice (" + std::to_string(job.lease.job.value) +
                 ")");
        }
      }
    }
    deliver(peer.value, message);
  });
}

void World::close(PeerId /*peer*/) {}

void World::record(coordinator::Record record) {
  records_.push_back(std::move(record));
}

void World::notify(coordinator::RunEvent event) {
  actions_.emplace_back([this, event = std::move(event)] { note_event(event); });
}

void World::note_event(const coordinator::RunEvent& event) {
  if (const auto* finished = std::get_if<coordinator::JobFinished>(&event)) {
    tell("job " + std::to_string(finished->job.value) + " is done");
    if (++finished_[finished->job] > asked_[finished->job]) {
      broken("no job is reported done more often than it was asked for (" +
             std::to_string(finished->job.value) + ")");
    }
    for (const char* format : {" 0", " 1"}) {
      if (store_.count(finished->source_url + format) == 0) {
        broken("a done job's objects are in the store: " + finished->source_url);
      }
    }
  } else if (const auto* gone = std::get_if<coordinator::WorkerGone>(&event)) {
    tell(gone->name + " is gone: " + gone->reason);
  } else if (const auto* joined = std::get_if<coordinator::WorkerJoined>(&event)) {
    tell(joined->name + " joins with " + std::to_string(joined->adopted_jobs) + " jobs");
  } else if (const auto* failed = std::get_if<coordinator::JobFailed>(&event)) {
    tell("job " + std::to_string(failed->job.value) + " failed: " + failed->failure.message);
  }
}

void World::publish_environment(EnvironmentId environment) {
  actions_.emplace_back([this, environment] {
    after(some(1ms, 2s),
          [this, environment, epoch = epoch_] { finish_publishing(environment, epoch); });
  });
}

void World::finish_publishing(EnvironmentId id, std::uint64_t epoch) {
  if (reactor_ == nullptr || epoch != epoch_) {
    return;
  }
  const auto& environments = reactor_->core().environments;
  const auto found = environments.find(id);
  if (found != environments.end() && is_open(found->second.state)) {
    for (const std::uint32_t job : found->second.jobs) {
      // Somebody may have asked for it again meanwhile; what was made stays known.
      if (reactor_->core().jobs.at(JobId{job}).result.empty()) {
        broken("an environment is published only when its jobs are done");
      }
    }
  }
  const bool fails = chance(faults_.fail);
  turn([&](coordinator::Reactor& reactor) {
    reactor.on_environment_published(
        now_, id,
        fails ? Result<std::vector<std::string>>(make_error(ErrorKind::retry, "bad luck"))
              : Result<std::vector<std::string>>(std::vector<std::string>{"envs/x"}));
  });
}

}  // namespace athanor::simulation
