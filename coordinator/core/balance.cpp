#include "coordinator/core/reactor.hpp"
#include "coordinator/queue/packed.hpp"
#include "shared/base/check.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

// What is done for workers that have nothing to do although not everything is done: what waits at
// others comes back, and what takes too long is done a second time.
namespace athanor::coordinator {
namespace {

constexpr std::chrono::milliseconds k_balance_interval{250};
// An answer that didn't come in this time was lost, or its worker doesn't know the question.
constexpr std::chrono::seconds k_retract_patience{5};
// A straggler has taken so many times as long as others of its size, and at least so long.
constexpr double k_straggler_factor = 3;
constexpr std::chrono::seconds k_straggler_least{5};
// Of all slots, so many may do what another one does.
constexpr std::size_t k_speculative_share = 20;
constexpr double k_pace_weight = 0.05;

std::string_view host_of(const Worker& worker) {
  return std::string_view(worker.name).substr(0, worker.name.find('/'));
}

}  // namespace

void Reactor::learn_pace(TimePoint now, const Lease& lease, std::uint64_t size) {
  const double seconds = std::chrono::duration<double>(now - lease.begun).count();
  const auto bytes = static_cast<double>(size);
  const double weight = pace_seconds_ == 0 ? 1 : k_pace_weight;
  pace_seconds_ += weight * (seconds - pace_seconds_);
  pace_bytes_ += weight * (bytes - pace_bytes_);
}

// REQUIRES: nothing is ready that could be granted.
void Reactor::balance(TimePoint now, PendingGrants& grants) {
  if (now < next_balance_ || core_.leases.size() == 0) {
    return;
  }
  next_balance_ = now + k_balance_interval;
  std::size_t idle = 0;
  std::size_t slots = 0;
  for (const auto& [id, worker] : core_.workers.all()) {
    if (takes_jobs(worker)) {
      idle += worker.free_slots();
      slots += worker.slots();
    }
  }
  if (idle == 0) {
    return;
  }
  // As long as something only waits, nothing needs to be done twice.
  if (retract_waiting(now, idle) == 0 && options_.speculation == Speculation::on) {
    speculate(now, slots, grants);
  }
}

// Asks for so many leases back that hardly have begun. Returns how many answers are awaited.
std::size_t Reactor::retract_waiting(TimePoint now, std::size_t wanted) {
  std::vector<std::pair<std::size_t, WorkerId>> surplus;
  for (const auto& [id, worker] : core_.workers.all()) {
    if (worker.held.size() > worker.slots() && disconnected_.count(worker.peer) == 0) {
      surplus.emplace_back(worker.held.size() - worker.slots(), id);
    }
  }
  std::sort(surplus.rbegin(), surplus.rend());
  std::size_t awaited = 0;
  for (const auto& [count, id] : surplus) {
    if (awaited >= wanted) {
      break;
    }
    const Worker& worker = *core_.workers.find(id);
    std::vector<Lease*> leases;
    for (const LeaseKey& key : worker.held) {
      leases.push_back(core_.leases.find(key));
    }
    // What came last begins last.
    std::sort(leases.begin(), leases.end(),
              [](const Lease* a, const Lease* b) { return a->order > b->order; });
    leases.resize(std::min(count, wanted - awaited));
    protocol::Retract retract;
    for (Lease* lease : leases) {
      // Of a host whose requests are shared out it has its request already.
      if (!core_.origins.is_open(lease->origin, now) ||
          core_.origins.requests_per_job(lease->origin) != 0) {
        continue;
      }
      if (!lease->retracted) {
        lease->retracted = now;
        retract.leases.push_back(lease->key);
      }
      awaited += now - *lease->retracted < k_retract_patience ? 1U : 0U;
    }
    if (!retract.leases.empty()) {
      outbox_.send(worker.peer, std::move(retract));
    }
  }
  return awaited;
}

bool Reactor::is_straggler(TimePoint now, const Lease& lease) const {
  const Job& job = core_.jobs.at(lease.key.job);
  if (lease.worker.value == 0 || job.crashes != 0 || core_.speculated.count(lease.key.job) != 0 ||
      !core_.origins.is_open(lease.origin, now)) {
    return false;
  }
  const double size = static_cast<double>(packed_size(job.spec.view()));
  const double larger = pace_bytes_ > 0 ? std::max(1.0, size / pace_bytes_) : 1.0;
  const std::chrono::duration<double> expected(k_straggler_factor * pace_seconds_ * larger);
  return now - lease.begun > std::max<std::chrono::duration<double>>(expected, k_straggler_least);
}

void Reactor::speculate(TimePoint now, std::size_t slots, PendingGrants& grants) {
  const std::size_t most = std::max<std::size_t>(1, slots / k_speculative_share);
  if (core_.speculated.size() >= most) {
    return;
  }
  std::vector<Lease> stragglers;
  core_.leases.for_each([&](const Lease& lease) {
    if (is_straggler(now, lease)) {
      stragglers.push_back(lease);
    }
  });
  if (stragglers.empty()) {
    return;
  }
  std::stable_sort(stragglers.begin(), stragglers.end(),
                   [](const Lease& a, const Lease& b) { return a.begun < b.begun; });
  std::vector<WorkerId> idle;
  for (const auto& [id, worker] : core_.workers.all()) {
    if (takes_jobs(worker) && worker.free_slots() != 0) {
      idle.push_back(id);
    }
  }
  for (const Lease& lease : stragglers) {
    const Worker* holder = core_.workers.find(lease.worker);
    if (holder == nullptr || core_.speculated.size() >= most) {
      continue;
    }
    // On another machine, if there is one: the machine may be what is slow.
    auto chosen = std::find_if(idle.begin(), idle.end(), [&](WorkerId id) {
      return host_of(*core_.workers.find(id)) != host_of(*holder);
    });
    if (chosen == idle.end()) {
      chosen =
          std::find_if(idle.begin(), idle.end(), [&](WorkerId id) { return id != lease.worker; });
    }
    if (chosen == idle.end() || !core_.origins.is_open(lease.origin, now)) {
      continue;
    }
    core_.speculated.insert(lease.key.job);
    grant(now, *core_.workers.find(*chosen),
          {.batch = lease.batch, .job = lease.key.job, .origin = lease.origin}, grants);
    idle.erase(chosen);
  }
}

}  // namespace athanor::coordinator
