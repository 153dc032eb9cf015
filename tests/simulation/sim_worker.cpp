#include "tests/simulation/sim_worker.hpp"

#include "tests/simulation/world.hpp"

#include <utility>
#include <vector>

namespace athanor::simulation {

using namespace std::chrono_literals;

SimWorker::SimWorker(World& world, std::size_t index)
    : world_(world),
      index_(index) {}

void SimWorker::later(Duration delay, std::function<void()> what) {
  world_.after(delay, [this, process = process_, what = std::move(what)] {
    if (process != process_) {
      return;
    }
    if (world_.now() < frozen_until_) {
      later(frozen_until_ - world_.now(), what);  // a stopped process catches up afterwards
      return;
    }
    what();
  });
}

TimePoint SimWorker::now() const {
  return world_.now() + jumped_;
}

void SimWorker::start_process() {
  ++process_;
  name_ = "host" + std::to_string(index_) + "/" + std::to_string(process_);
  world_.tell(name_ + " starts");
  running_.clear();
  connection_ = 0;
  session_number_ = 0;
  jumped_ = {};
  frozen_until_ = {};
  const std::uint32_t slots = 1 + static_cast<std::uint32_t>(world_.random().below(3));
  worker::SessionOptions options{
      .name = name_,
      .version = "0.1.0",
      .capacity = {.jobs = slots + static_cast<std::uint32_t>(world_.random().below(3)),
                   .cpu = slots,
                   // An older worker doesn't say how many jobs it runs at once.
                   .slots = world_.random().below(4) == 0 ? 0 : slots},
      .slots = slots};
  session_ = std::make_unique<worker::Session>(std::move(options), Random(world_.random().next()),
                                               static_cast<worker::Outbox&>(*this));
  world_.connect(index_, process_);
  later(world_.some(0ms, 500ms), [this] { tick(); });
}

void SimWorker::kill_process() {
  if (session_ == nullptr) {
    return;
  }
  world_.tell(name_ + " dies");
  ++process_;
  // The session may be the one whose call led here.
  world_.after({}, [dead = std::shared_ptr<worker::Session>(std::move(session_))] {});
  running_.clear();
  if (connection_ != 0) {
    world_.drop_connection(std::exchange(connection_, 0));
  }
  world_.process_ended(name_);
  later(world_.some(100ms, 3s), [this] { start_process(); });
}

void SimWorker::freeze(Duration time) {
  world_.tell(name_ + " freezes");
  frozen_until_ = world_.now() + time;
}

void SimWorker::tick() {
  if (world_.chance(world_.faults().kill)) {
    kill_process();
    return;
  }
  if (world_.chance(world_.faults().freeze)) {
    freeze(world_.some(1s, 20s));
  }
  if (connection_ != 0 && world_.chance(world_.faults().cut)) {
    world_.drop_connection(connection_);
  }
  if (connection_ != 0 && world_.chance(world_.faults().partition)) {
    world_.partition(connection_);
  }
  if (world_.chance(world_.faults().jump)) {
    world_.tell(name_ + "'s clock jumps");
    jumped_ += world_.some(1s, 60s);
  }
  if (connection_ != 0 && world_.chance(world_.faults().forge)) {
    forge();
  }
  std::vector<protocol::JobProgress> progress;
  for (auto& [lease, job] : running_) {
    job.steps += job.hangs ? 0 : 1;
    progress.push_back(
        {.lease = lease, .stage = Stage::fetch, .bytes = job.steps, .steps = job.steps});
  }
  session_->on_tick(progress, now());
  after_session();
  later(500ms, [this] {
    if (session_ != nullptr) {
      tick();
    }
  });
}

// Says that it has done what is somebody else's, or long over; it must not be believed.
void SimWorker::forge() {
  const auto lease = world_.somebodys_lease(index_);
  if (!lease) {
    return;
  }
  JobSuccess success;
  for (const Format format : {Format::conda, Format::tar_bz2}) {
    success.formats.push_back(
        {.format = format, .hash = std::string(32, 'f'), .size = 1, .key = "packages/forged"});
  }
  const std::uint64_t session = session_number_ != 0 ? session_number_ : 1;
  world_.to_coordinator(connection_,
                        protocol::Report{.session = session, .lease = *lease, .outcome = success});
}

void SimWorker::on_connected(std::uint64_t connection) {
  later({}, [this, connection] {
    if (session_ == nullptr) {
      return;
    }
    if (connection_ != 0) {
      world_.drop_connection(std::exchange(connection_, 0));
    }
    connection_ = connection;
    session_->on_connected(now());
    after_session();
  });
}

void SimWorker::on_disconnected(std::uint64_t connection) {
  later({}, [this, connection] {
    if (session_ == nullptr || connection_ != connection) {
      return;
    }
    connection_ = 0;
    session_->on_disconnected(now());
    world_.connect(index_, process_);
    after_session();
  });
}

void SimWorker::on_message(std::uint64_t connection, const protocol::Message& message) {
  later({}, [this, connection, message] {
    if (session_ == nullptr || connection_ != connection) {
      return;
    }
    if (const auto* welcome = std::get_if<protocol::Welcome>(&message)) {
      session_number_ = welcome->session;
    }
    session_->on_message(message, now());
    after_session();
  });
}

void SimWorker::after_session() {
  if (session_ != nullptr && session_->state() == worker::SessionState::over) {
    if (session_->end()->rejected) {
      world_.broken("a worker of ours was rejected: " + session_->end()->reason);
    }
    kill_process();
  }
}

void SimWorker::send(protocol::Message message) {
  if (connection_ != 0) {
    world_.to_coordinator(connection_, message);
  }
}

void SimWorker::reconnect() {
  if (connection_ != 0) {
    world_.drop_connection(std::exchange(connection_, 0));
  }
  world_.connect(index_, process_);
}

void SimWorker::configure(const protocol::WorkSettings& /*settings*/) {}

void SimWorker::start(const LeaseKey& lease, const JobSpec& spec) {
  Running& job = running_[lease];
  job.spec = spec;
  job.hangs = world_.chance(world_.faults().hang);
  if (world_.faults().poison && spec.source_url.find("poison") != std::string::npos) {
    later(world_.some(1ms, 2s), [this] { kill_process(); });
    return;
  }
  if (job.hangs) {
    return;
  }
  const bool slow = world_.chance(world_.faults().slow);
  const Duration time = slow ? world_.some(10s, 40s) : world_.some(50ms, 3s);
  later(time / 2, [this, lease] { half_done(lease); });
  later(time, [this, lease] { done(lease); });
}

void SimWorker::stop(const LeaseKey& lease) {
  const auto found = running_.find(lease);
  if (found == running_.end()) {
    return;
  }
  found->second.stopped = true;
  found->second.hangs = false;
  later(world_.some(1ms, 1s), [this, lease] { done(lease); });
}

void SimWorker::publish(const Running& job, std::size_t format) {
  // The same input gives the same bytes, whoever works.
  const std::string slot = job.spec.source_url + " " + std::to_string(format);
  world_.put_if_absent(slot, "hash of " + slot);
}

void SimWorker::half_done(const LeaseKey& lease) {
  const auto found = running_.find(lease);
  if (found != running_.end() && !found->second.stopped) {
    publish(found->second, 0);
  }
}

void SimWorker::done(const LeaseKey& lease) {
  const auto found = running_.find(lease);
  if (found == running_.end() || session_ == nullptr) {
    return;
  }
  const Running job = std::move(found->second);
  running_.erase(found);
  worker::Session::Outcome outcome;
  if (job.stopped) {
    JobFailure failure;
    failure.kind = ErrorKind::canceled;
    outcome = failure;
  } else if (world_.chance(world_.faults().fail)) {
    JobFailure failure;
    failure.kind = world_.random().below(4) == 0 ? ErrorKind::corrupt : ErrorKind::retry;
    failure.message = "bad luck";
    if (failure.kind == ErrorKind::retry && world_.random().below(3) == 0) {
      failure.retry_after = std::chrono::milliseconds(world_.random().below(20'000));
    }
    outcome = failure;
  } else {
    publish(job, 0);
    publish(job, 1);
    JobSuccess success;
    success.provenance = Provenance::origin;
    success.requests = 1;
    for (const Format format : job.spec.wanted) {
      success.formats.push_back({.format = format,
                                 .hash = "0123456789abcdef0123456789abcdef",
                                 .size = 1,
                                 .key = "packages/x"});
    }
    outcome = success;
  }
  session_->on_finished(lease, std::move(outcome), now());
  after_session();
}

}  // namespace athanor::simulation
