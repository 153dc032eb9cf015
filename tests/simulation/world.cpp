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
  faults_.partition = pick(0.01);
  faults_.jump = pick(0.005);
  faults_.forge = pick(0.05);
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
  after(some(1s, 5s), [this] { meddle(); });
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
  return submissions_left_ == 0 && reactor_ != nullptr && reactor_->is_idle() && pending_.empty();
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
  options.origins.by_host["rated.test"] = {
      .in_flight = 64,
      .requests_per_second = options_.canary == Canary::ignore_rate ? 4 * k_rate : k_rate,
      .burst = k_burst};
  rated_.clear();
  jumped_ = {};
  reactor_ = std::make_unique<coordinator::Reactor>(
      std::move(options), Random(random_.next()), [this] { return random_.next() | 1U; },
      static_cast<coordinator::Outbox&>(*this));
  coordinator::Restorer restorer(*reactor_);
  if (const std::string problem = journal_.restore(restorer); !problem.empty()) {
    broken("the journal can be restored: " + problem);
    return;
  }
  restorer.finish(coordinator_now());
  check_said_is_durable();
  turn([](coordinator::Reactor&) {});
}

void World::crash_coordinator(const char* where) {
  tell(std::string("coordinator crashes ") + where);
  reactor_.reset();
  running_ = {};
  pending_.clear();
  drained_.clear();
  known_leases_.clear();
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

// One turn of the coordinator's loop. What it decided becomes durable, and is said, later.
void World::turn(const std::function<void(coordinator::Reactor&)>& what) {
  if (reactor_ == nullptr) {
    return;
  }
  what(*reactor_);
  reactor_->dispatch(coordinator_now());
  check_rules();
  Turn done = std::exchange(running_, {});
  if (options_.canary == Canary::say_before_durable) {
    const auto actions = std::exchange(done.actions, {});
    if (!perform(actions)) {
      return;
    }
  }
  const bool nothing = done.records.empty() && !done.committed;
  if (nothing && pending_.empty()) {
    perform(done.actions);
    return;
  }
  pending_.push_back(std::move(done));
  commit_soon();
}

void World::commit_soon() {
  if (commit_planned_) {
    return;
  }
  commit_planned_ = true;
  after(some(0ms, 20ms), [this] {
    commit_planned_ = false;
    commit();
  });
}

void World::commit() {
  if (reactor_ == nullptr || pending_.empty()) {
    return;
  }
  if (chance(faults_.coordinator_crash * 5)) {
    crash_coordinator("before its turns are durable");
    return;
  }
  std::deque<Turn> turns = std::exchange(pending_, {});
  std::vector<coordinator::Record> records;
  for (Turn& turn : turns) {
    std::move(turn.records.begin(), turn.records.end(), std::back_inserter(records));
  }
  forget_for_canary(records);
  journal_.commit(records);
  for (const Turn& turn : turns) {
    if (turn.committed) {
      turn.committed();
    }
  }
  if (chance(faults_.coordinator_crash)) {
    crash_coordinator("before anything of its turns is said");
    return;
  }
  for (const Turn& turn : turns) {
    if (!perform(turn.actions)) {
      return;
    }
  }
}

void World::forget_for_canary(std::vector<coordinator::Record>& records) const {
  std::erase_if(records, [this](const coordinator::Record& record) {
    const auto* state = std::get_if<coordinator::JobStateRecord>(&record);
    const auto* environment = std::get_if<coordinator::EnvironmentRecord>(&record);
    return (options_.canary == Canary::forget_grants && state != nullptr &&
            state->transition.event == coordinator::JobEvent::grant) ||
           (options_.canary == Canary::forget_extension && environment != nullptr &&
            environment->index >= k_first_extension);
  });
}

// False if the coordinator crashed in between.
bool World::perform(const std::vector<std::function<void()>>& actions) {
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
  if (chance(faults_.jump)) {
    // A suspended machine or a stopped process: to it, no time has passed in between.
    tell("the coordinator's clock jumps");
    jumped_ += some(1s, 60s);
  }
  turn([this](coordinator::Reactor& reactor) { reactor.on_tick(coordinator_now()); });
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
    const auto found = reactor_->core().batches.find(batch);
    if (found == reactor_->core().batches.end()) {
      if (forgotten_.count(batch) == 0) {
        broken("a batch that was acknowledged is there after a restart");
      }
    } else if (extended_[batch] > found->second.environments.size()) {
      broken("a batch that has grown is as large after a restart");
    }
  }
}

// --- What the reactor says -----------------------------------------------------------------------

void World::send(PeerId peer, protocol::Message message) {
  const auto frames = protocol::encode(message);
  if (!frames.ok()) {
    broken("the coordinator says what can be said: " + frames.error().message);
    return;
  }
  // Decided now, although it is said later.
  if (const auto* grant = std::get_if<protocol::Grant>(&message)) {
    for (const protocol::GrantedJob& job : grant->jobs) {
      const auto drained = drained_.find(peer.value);
      if (drained != drained_.end() && reactor_->core().workers.find(drained->second) != nullptr) {
        broken("a worker that is drained gets nothing (" + std::to_string(job.lease.job.value) +
               ")");
      }
      note_request(job.spec.source_url);
    }
  }
  running_.actions.emplace_back([this, peer, message = std::move(message)] {
    if (const auto* grant = std::get_if<protocol::Grant>(&message)) {
      for (const protocol::GrantedJob& job : grant->jobs) {
        note_grant(peer, job);
      }
    }
    deliver(peer.value, message);
  });
}

void World::note_grant(PeerId peer, const protocol::GrantedJob& job) {
  tell("grant job " + std::to_string(job.lease.job.value) + " attempt " +
       std::to_string(job.lease.attempt));
  if (!granted_.emplace(job.lease.job.value, job.lease.attempt).second) {
    broken("no attempt at a job is granted twice (" + std::to_string(job.lease.job.value) + ")");
  }
  if (const auto to = connections_.find(peer.value); to != connections_.end()) {
    known_leases_.emplace_back(job.lease, to->second.worker);
  }
  if (known_leases_.size() > 64) {
    known_leases_.erase(known_leases_.begin());
  }
}

// A host's rate holds in every stretch of time that ends now.
void World::note_request(const std::string& source_url) {
  if (source_url.find("rated.test") == std::string::npos) {
    return;
  }
  rated_.push_back(coordinator_now());
  for (std::size_t i = 0; i < rated_.size(); ++i) {
    const auto stretch = std::chrono::duration<double>(rated_.back() - rated_[i]).count();
    if (static_cast<double>(rated_.size() - i) > k_burst + k_rate * stretch + 1e-6) {
      broken("no host is asked more often than its rate allows");
      return;
    }
  }
  if (rated_.size() > 100) {
    rated_.pop_front();
  }
}

void World::close(PeerId /*peer*/) {}

void World::record(coordinator::Record record) {
  running_.records.push_back(std::move(record));
}

void World::notify(coordinator::RunEvent event) {
  running_.actions.emplace_back([this, event = std::move(event)] { note_event(event); });
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
  running_.actions.emplace_back([this, environment] {
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
  const bool grows = !fails && faults_on_ && random_.below(4) == 0;
  turn([&](coordinator::Reactor& reactor) {
    const auto published = environments.find(id);
    if (grows && published != environments.end() && is_open(published->second.state)) {
      // As a solve does: its result becomes jobs, in the turn in which it ends.
      const BatchId batch = published->second.batch;
      if (const auto more = reactor.on_extend(coordinator_now(), batch, draw_submission())) {
        note_submitted(*more);
        const auto size =
            static_cast<std::uint32_t>(reactor.core().batches.at(batch).environments.size());
        running_.actions.emplace_back([this, batch, size] { extended_[batch] = size; });
      }
    }
    reactor.on_environment_published(
        coordinator_now(), id,
        fails ? Result<std::vector<std::string>>(make_error(ErrorKind::retry, "bad luck"))
              : Result<std::vector<std::string>>(std::vector<std::string>{"envs/x"}));
  });
}

}  // namespace athanor::simulation
