#pragma once

#include "coordinator/fleet/worker_state.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"
#include "shared/protocol/messages.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace athanor::coordinator {

// One connection, as the socket numbers it; a worker that connects anew gets another one.
using PeerId = StrongId<struct PeerIdTag>;

// One worker's session.
struct Worker {
  WorkerId id;
  std::uint64_t session = 0;  // unguessable
  PeerId peer;
  std::string name;
  std::string version;
  std::uint32_t protocol = 0;
  protocol::Capacity capacity;
  WorkerState state = WorkerState::active;
  std::set<LeaseKey> held;
  TimePoint last_heard;
  bool alone = false;      // holds, or is kept free for, a job that must run alone
  bool sent_away = false;  // was told to leave; nothing takes that back

  std::size_t cpu_bound = 0;      // of what it holds: jobs that need nothing from the web
  std::array<bool, 2> offered{};  // WorkerTable's: in which queues of offers it stands

  // Jobs that run at once; a guess for workers that don't say.
  std::size_t slots() const;
  // Jobs that may be sent now: announced room minus what is outstanding.
  std::size_t credit() const;
  // Of those: jobs that would begin at once.
  std::size_t free_slots() const;
};

// The workers that are there, by number, session and connection. Sessions that are over are taken
// out. Not thread-safe.
class WorkerTable {
 public:
  // REQUIRES: neither session nor peer is taken.
  Worker& add(Worker worker);
  Worker* find(WorkerId id);
  const Worker* find(WorkerId id) const;
  Worker* find_peer(PeerId peer);
  // A live session of a worker of this name.
  Worker* find_name(const std::string& name);
  // The executor of the transition table. REQUIRES: the table allows the event.
  WorkerState apply(WorkerId id, WorkerEvent event);
  // REQUIRES: its session is over and it holds nothing.
  void remove(WorkerId id);

  // Workers that may have credit, in turns: first those with a free slot, so that no job waits at a
  // busy worker while another is idle; among these the one that was asked longest ago. Entries are
  // hints.
  void offer(Worker& worker);
  std::optional<WorkerId> next_offer();

  std::size_t size() const { return workers_.size(); }
  const std::map<WorkerId, Worker>& all() const { return workers_; }

 private:
  std::map<WorkerId, Worker> workers_;
  std::unordered_map<PeerId, WorkerId> by_peer_;
  std::unordered_map<std::string, WorkerId> by_name_;
  std::array<std::deque<WorkerId>, 2> offers_;  // with a free slot; with room to hold more
};

}  // namespace athanor::coordinator
