#include "shared/protocol/codec.hpp"
#include "tests/simulation/world.hpp"

#include <algorithm>

// What lies between the coordinator and its workers, and the store that both see.
namespace athanor::simulation {

using namespace std::chrono_literals;
using coordinator::PeerId;

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
    connections_[id] = {.worker = worker,
                        .process = process,
                        .open = true,
                        .to_coordinator_from = {},
                        .to_worker_from = {}};
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
    turn([this, id](coordinator::Reactor& reactor) {
      reactor.on_disconnected(coordinator_now(), PeerId{id});
    });
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
    const Duration cut = std::max(found->second.to_coordinator_from - now_, Duration{0});
    after(delay + cut, [this, id, epoch = epoch_, frames = *frames] {
      if (epoch != epoch_ || reactor_ == nullptr) {
        return;  // it died with the process that it was sent to
      }
      const auto decoded = protocol::decode(frames.header, frames.body);
      if (!decoded.ok()) {
        broken("what was encoded can be decoded");
        return;
      }
      turn([&](coordinator::Reactor& reactor) {
        reactor.on_message(coordinator_now(), PeerId{id}, *decoded);
      });
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
    const Duration cut = std::max(found->second.to_worker_from - now_, Duration{0});
    after(delay + cut, [this, id, worker = found->second.worker, message] {
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
      turn([&](coordinator::Reactor& reactor) {
        reactor.on_process_ended(coordinator_now(), name, "died");
      });
    });
  }
}

// Nothing passes for a while, one way or both; then everything does, late.
void World::partition(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) {
    return;
  }
  tell("partition of connection " + std::to_string(id));
  const Duration time = some(1s, 25s);
  const std::uint64_t which = random_.below(3);
  if (which != 0) {
    found->second.to_coordinator_from = now_ + time;
  }
  if (which != 1) {
    found->second.to_worker_from = now_ + time;
  }
}

std::optional<LeaseKey> World::somebodys_lease(std::size_t worker) {
  if (known_leases_.empty()) {
    return std::nullopt;
  }
  auto [lease, owner] = known_leases_[random_.below(known_leases_.size())];
  if (owner == worker) {
    return std::nullopt;
  }
  lease.epoch += random_.below(2);
  return lease;
}

void World::put_if_absent(const std::string& slot, const std::string& hash) {
  const auto [object, created] = store_.try_emplace(slot, hash);
  if (object->second != hash) {
    broken("no slot gets a second hash: " + slot);
  }
}

}  // namespace athanor::simulation
