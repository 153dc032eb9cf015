#include "coordinator/core/reactor.hpp"
#include "shared/base/check.hpp"
#include "shared/protocol/version.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

// Workers: their sessions, heartbeats and ends.
namespace athanor::coordinator {

Reactor::Reactor(ReactorOptions options, Random random, SessionSource session_source,
                 Outbox& outbox)
    : options_(std::move(options)),
      random_(random),
      session_source_(std::move(session_source)),
      outbox_(outbox) {
  core_.epoch = options_.epoch;
  core_.origins = Origins(options_.origins);
}

void Reactor::on_message(TimePoint now, PeerId peer, const protocol::Message& message) {
  if (const auto* hello = std::get_if<protocol::Hello>(&message)) {
    on_hello(now, peer, *hello);
  } else if (const auto* renew = std::get_if<protocol::Renew>(&message)) {
    on_renew(now, peer, *renew);
  } else if (const auto* report = std::get_if<protocol::Report>(&message)) {
    on_report(now, peer, *report);
  } else if (const auto* release = std::get_if<protocol::Release>(&message)) {
    on_release(now, peer, *release);
  } else if (const auto* goodbye = std::get_if<protocol::Goodbye>(&message)) {
    on_goodbye(now, peer, *goodbye);
  } else {
    outbox_.send(peer, protocol::Reject{.reason = "workers don't send this message"});
    on_lost(now, peer, "broke the protocol");
    outbox_.close(peer);
  }
}

void Reactor::on_hello(TimePoint now, PeerId peer, const protocol::Hello& hello) {
  const auto version = protocol::negotiate(hello.protocol_min, hello.protocol_max);
  std::string refusal;
  if (!version) {
    refusal = "this coordinator speaks protocol " + std::to_string(protocol::k_version_min) +
              " to " + std::to_string(protocol::k_version_max) + ", the worker " +
              std::to_string(hello.protocol_min) + " to " + std::to_string(hello.protocol_max) +
              ": install the same version of both";
  } else if (core_.workers.size() >= limits::k_workers) {
    refusal = "this coordinator has its " + std::to_string(limits::k_workers) + " workers already";
  }
  if (const Worker* old = core_.workers.find_peer(peer)) {
    // What it doesn't name among the running jobs, it doesn't have.
    lose(now, old->id, "began a new session", Blame::no);
  }
  if (!refusal.empty()) {
    outbox_.send(peer, protocol::Reject{.reason = std::move(refusal)});
    outbox_.close(peer);
    return;
  }
  Worker& worker = core_.workers.add({.id = WorkerId{core_.next_worker++},
                                      .session = session_source_(),
                                      .peer = peer,
                                      .name = hello.name,
                                      .version = hello.version,
                                      .protocol = *version,
                                      .capacity = hello.capacity,
                                      .state = WorkerState::active,
                                      .held = {},
                                      .last_heard = now,
                                      .alone = false,
                                      .sent_away = false,
                                      .cpu_bound = 0,
                                      .offered = {}});
  protocol::Welcome welcome{.session = worker.session,
                            .epoch = core_.epoch,
                            .protocol = *version,
                            .heartbeat_interval = options_.heartbeat_interval,
                            .lease_duration = options_.lease_duration,
                            .settings = options_.settings,
                            .adopted = adopt(now, worker, hello)};
  outbox_.notify(WorkerJoined{.worker = worker.id,
                              .name = worker.name,
                              .version = worker.version,
                              .capacity = worker.capacity,
                              .adopted_jobs = welcome.adopted.size()});
  outbox_.send(peer, std::move(welcome));
  if (core_.draining) {
    core_.workers.apply(worker.id, WorkerEvent::drain);
    send_away(worker);
  } else if (core_.leaving.count(worker.name) != 0) {
    drain_worker(worker);
  } else {
    core_.workers.offer(worker);
  }
}

std::vector<LeaseKey> Reactor::adopt(TimePoint now, Worker& worker, const protocol::Hello& hello) {
  std::vector<LeaseKey> adopted;
  std::vector<WorkerId> superseded;
  for (const LeaseKey& key : hello.running) {
    Lease* lease = core_.leases.find(key);
    if (lease == nullptr) {
      continue;
    }
    if (Worker* holder = core_.workers.find(lease->worker)) {
      // Only the same worker, come back on another connection, may take its leases along.
      if (holder->name != worker.name || holder->id == worker.id) {
        continue;
      }
      let_go(*holder, *lease);
      superseded.push_back(holder->id);
    }
    lease->worker = worker.id;
    lease->expires = now + options_.lease_duration;
    hold(worker, *lease);
    adopted.push_back(key);
  }
  for (const WorkerId id : superseded) {
    if (core_.workers.find(id) != nullptr) {
      lose(now, id, "came back on another connection", Blame::no);
    }
  }
  return adopted;
}

Worker* Reactor::session_of(TimePoint now, PeerId peer, std::uint64_t session) {
  Worker* worker = core_.workers.find_peer(peer);
  if (worker == nullptr || worker->session != session) {
    return nullptr;  // whoever it is will hear nothing and say hello anew
  }
  worker->last_heard = now;
  disconnected_.erase(peer);
  return worker;
}

void Reactor::on_renew(TimePoint now, PeerId peer, const protocol::Renew& renew) {
  Worker* worker = session_of(now, peer, renew.session);
  if (worker == nullptr) {
    return;
  }
  protocol::Revoke revoke;
  for (const protocol::JobProgress& progress : renew.running) {
    Lease* lease = core_.leases.find(progress.lease);
    if (lease == nullptr || lease->worker != worker->id) {
      revoke.leases.push_back(progress.lease);
      continue;
    }
    lease->expires = now + options_.lease_duration;
    if (progress.steps != lease->steps || progress.steps == 0) {
      lease->progressed = now;  // a job that hasn't begun yet can't be stuck
    }
    const bool changed = progress.stage != lease->stage || progress.bytes != lease->bytes;
    if (progress.waiting) {
      lease->begun = now;
    }
    lease->steps = progress.steps;
    lease->stage = progress.stage;
    lease->bytes = progress.bytes;
    if (changed) {
      outbox_.notify(JobProgressed{.job = lease->key.job,
                                   .worker = worker->id,
                                   .stage = lease->stage,
                                   .bytes = lease->bytes});
    }
  }
  if (!revoke.leases.empty()) {
    outbox_.send(peer, std::move(revoke));
  }
  outbox_.send(peer, protocol::Pulse{});
  if (worker->sent_away) {
    outbox_.send(peer, protocol::Drain{});  // the first one was lost, or it would not be here
  }
}

void Reactor::on_release(TimePoint now, PeerId peer, const protocol::Release& release) {
  Worker* worker = session_of(now, peer, release.session);
  if (worker == nullptr) {
    return;
  }
  for (const LeaseKey& key : release.leases) {
    const Lease* lease = core_.leases.find(key);
    if (lease != nullptr && lease->worker == worker->id) {
      return_job(now, end_lease(key), AttemptEnd::given_back);
    }
  }
}

void Reactor::on_goodbye(TimePoint now, PeerId peer, const protocol::Goodbye& goodbye) {
  Worker* worker = session_of(now, peer, goodbye.session);
  if (worker == nullptr) {
    return;
  }
  leave(now, *worker);
}

// It holds nothing; what we still think it holds never arrived.
void Reactor::leave(TimePoint now, Worker& worker) {
  const PeerId peer = worker.peer;
  core_.workers.apply(worker.id, WorkerEvent::goodbye);
  core_.leaving.erase(worker.name);
  end_session(now, worker, WorkerEnd::left, "left", Blame::no);
  outbox_.close(peer);
}

void Reactor::on_disconnected(TimePoint now, PeerId peer) {
  if (core_.workers.find_peer(peer) != nullptr) {
    disconnected_.try_emplace(peer, now + limits::k_reconnect_grace);
  }
}

void Reactor::on_lost(TimePoint now, PeerId peer, std::string_view reason) {
  if (const Worker* worker = core_.workers.find_peer(peer)) {
    lose(now, worker->id, reason, Blame::yes);
  }
}

void Reactor::on_process_ended(TimePoint now, const std::string& name, std::string_view reason) {
  core_.leaving.erase(name);
  if (const Worker* worker = core_.workers.find_name(name)) {
    lose(now, worker->id, reason, Blame::yes);
  }
}

void Reactor::on_process_left(TimePoint now, const std::string& name) {
  core_.leaving.erase(name);
  if (Worker* worker = core_.workers.find_name(name)) {
    leave(now, *worker);
  }
}

void Reactor::lose(TimePoint now, WorkerId id, std::string_view reason, Blame blame) {
  Worker* worker = core_.workers.find(id);
  ATHANOR_CHECK(worker != nullptr);
  core_.workers.apply(id, WorkerEvent::lose);
  end_session(now, *worker, WorkerEnd::lost, reason, blame);
}

void Reactor::end_session(TimePoint now, Worker& worker, WorkerEnd end, std::string_view reason,
                          Blame blame) {
  const std::vector<LeaseKey> held(worker.held.begin(), worker.held.end());
  for (const LeaseKey& key : held) {
    const Lease lease = end_lease(key);
    if (blame == Blame::yes) {
      Job& job = core_.jobs.at(key.job);
      job.crashes = static_cast<std::uint8_t>(std::min(job.crashes + 1, 255));
      core_.stories[key.job].killed.push_back(worker.name);
    }
    return_job(now, lease, blame == Blame::yes ? AttemptEnd::worker_lost : AttemptEnd::given_back);
  }
  outbox_.notify(WorkerGone{.worker = worker.id,
                            .name = worker.name,
                            .end = end,
                            .reason = std::string(reason),
                            .held_jobs = held.size()});
  disconnected_.erase(worker.peer);
  if (core_.reserved == worker.id) {
    core_.reserved = {};
  }
  core_.past_workers.emplace(worker.id, worker.name);
  if (core_.past_workers.size() > Core::k_past_workers) {
    core_.past_workers.erase(core_.past_workers.begin());
  }
  core_.workers.remove(worker.id);
}

void Reactor::on_no_return(TimePoint now) {
  std::vector<LeaseKey> orphans;
  core_.leases.for_each([&](const Lease& lease) {
    if (lease.worker.value == 0) {
      orphans.push_back(lease.key);
    }
  });
  for (const LeaseKey& key : orphans) {
    return_job(now, end_lease(key), AttemptEnd::given_back);
  }
}

// As long as it holds something, the worker doesn't know: a person may change their mind.
void Reactor::drain_worker(Worker& worker) {
  core_.workers.apply(worker.id, WorkerEvent::drain);
  if (core_.leaving.size() < limits::k_workers) {
    core_.leaving.insert(worker.name);
  }
  if (worker.held.empty()) {
    send_away(worker);
    return;
  }
  // What it hasn't begun, others do.
  outbox_.send(worker.peer, protocol::Retract{.leases = {worker.held.begin(), worker.held.end()}});
}

void Reactor::send_away(Worker& worker) {
  if (!worker.sent_away) {
    worker.sent_away = true;
    outbox_.send(worker.peer, protocol::Drain{});
  }
}

bool Reactor::on_drain_worker(TimePoint /*now*/, WorkerId worker) {
  Worker* found = core_.workers.find(worker);
  if (found == nullptr) {
    return false;
  }
  drain_worker(*found);
  return true;
}

bool Reactor::on_resume_worker(TimePoint /*now*/, WorkerId worker) {
  Worker* found = core_.workers.find(worker);
  if (found == nullptr || found->sent_away || core_.draining) {
    return false;
  }
  core_.workers.apply(worker, WorkerEvent::resume);
  core_.leaving.erase(found->name);
  core_.workers.offer(*found);
  return true;
}

void Reactor::on_drain(TimePoint /*now*/) {
  core_.draining = true;
  std::vector<WorkerId> ids;
  for (const auto& [id, worker] : core_.workers.all()) {
    ids.push_back(id);
  }
  for (const WorkerId id : ids) {
    core_.workers.apply(id, WorkerEvent::drain);
    send_away(*core_.workers.find(id));
  }
  outbox_.notify(Draining{.running = core_.leases.size()});
}

void Reactor::lose_silent_workers(TimePoint now) {
  std::vector<WorkerId> gone;
  for (const auto& [peer, deadline] : disconnected_) {
    if (deadline <= now) {
      gone.push_back(core_.workers.find_peer(peer)->id);
    }
  }
  for (const WorkerId id : gone) {
    lose(now, id, "its connection broke", Blame::yes);
  }
  if (now < next_silence_check_) {
    return;
  }
  next_silence_check_ = now + options_.lease_duration / 8;
  std::vector<WorkerId> silent;
  for (const auto& [id, worker] : core_.workers.all()) {
    if (worker.last_heard + options_.lease_duration <= now) {
      silent.push_back(id);
    }
  }
  const auto seconds = std::chrono::duration<double>(options_.lease_duration).count();
  for (const WorkerId id : silent) {
    // A whole network may have gone: nobody's job is to blame for that.
    lose(now, id, "no heartbeat for " + std::to_string(static_cast<int>(seconds)) + " s",
         Blame::no);
  }
}

}  // namespace athanor::coordinator
