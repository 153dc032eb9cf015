#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/random.hpp"
#include "shared/protocol/messages.hpp"
#include "worker/session/outbox.hpp"
#include "worker/session/session_state.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace athanor::worker {

struct SessionOptions {
  std::string name;     // for people: "host/pid"
  std::string version;  // the program's
  protocol::Capacity capacity;
  std::uint32_t slots = 1;  // jobs that run at once; the others held are waiting their turn
  std::optional<std::uint64_t> max_jobs{};  // having started so many, it leaves
};

// Why a session is over.
struct SessionEnd {
  bool rejected = false;  // else it has left by itself, owing nothing
  std::string reason;     // the coordinator's words; empty if not rejected
};

// A worker's side of the conversation, from the first Hello to Goodbye. Pure: no socket, clock,
// file, thread or logger. Whoever owns it reports what happened and what time it is, and fulfils
// what the outbox asks for. Not thread-safe.
//
// What it promises: a lease is renewed only while its job moves; an outcome is reported until it is
// acknowledged; what is not this worker's any more is stopped and never spoken of; when the
// connection comes back, what is still held is offered for re-adoption; when leaving, nothing is
// taken, what has not begun is given back, and what runs is finished. What is granted as first
// begins before everything else that waits.
class Session {
 public:
  using Outcome = std::variant<JobSuccess, JobFailure>;

  // `random` spreads repeated greetings of a fleet. The outbox outlives the session.
  Session(SessionOptions options, Random random, Outbox& outbox);

  void on_connected(TimePoint now);
  void on_disconnected(TimePoint now);
  void on_message(const protocol::Message& message, TimePoint now);
  // A job that start() began has ended.
  void on_finished(const LeaseKey& lease, Outcome outcome, TimePoint now);
  // Time passes: at least four times per heartbeat interval. `progress` is what the running jobs'
  // own threads have left since; a job that isn't mentioned has not moved.
  void on_tick(std::span<const protocol::JobProgress> progress, TimePoint now);
  // This machine asks it to leave; never reversed.
  void drain(TimePoint now);
  // Gives everything back at once, running jobs too, and leaves. They still end with on_finished.
  void abandon(TimePoint now);

  SessionState state() const { return state_; }
  // Absent until state() is over.
  const std::optional<SessionEnd>& end() const { return end_; }
  // Since when no coordinator has been heard; absent while there is one.
  std::optional<TimePoint> alone_since() const { return alone_since_; }
  // Leases held: waiting, running, or with a report that isn't acknowledged.
  std::size_t held() const { return held_.size(); }
  std::size_t running() const { return occupied_.size(); }

 private:
  enum class Phase { waiting, running, reported };
  struct Held {
    Phase phase = Phase::waiting;
    JobSpec spec;                    // waiting
    protocol::JobProgress progress;  // running: as of the last tick
    TimePoint moved{};               // running: when progress last changed
    std::uint64_t steps = 0;         // as told to the coordinator: only ever grows
    std::optional<Outcome> outcome;  // reported
    TimePoint report_at{};           // reported: when to say it again
    Duration report_pause{};
  };

  bool apply(SessionEvent event);
  bool is_up() const;  // the coordinator has welcomed this connection
  bool is_leaving() const;

  void on(const protocol::Welcome& welcome, TimePoint now);
  void on(const protocol::Reject& reject, TimePoint now);
  void on(const protocol::Grant& grant, TimePoint now);
  void on(const protocol::ReportAck& ack, TimePoint now);
  void on(const protocol::Revoke& revoke, TimePoint now);
  void on(const protocol::Retract& retract, TimePoint now);
  void on(const protocol::Pulse& pulse, TimePoint now);
  void on(const protocol::Drain& drain, TimePoint now);
  template <typename Other>
  void on(const Other& /*message*/, TimePoint /*now*/) {}  // a worker's own message: not for us

  void greet(TimePoint now);
  void start_anew(TimePoint now);
  void lose_connection(TimePoint now);
  void take(const protocol::GrantedJob& job, std::vector<LeaseKey>& refused);
  void drop(const LeaseKey& lease);
  void start_waiting(TimePoint now);
  bool may_start() const;
  void give_back_waiting();
  void renew(TimePoint now);
  void report(const LeaseKey& lease, Held& held, TimePoint now);
  void report_due(TimePoint now);
  void leave_if_empty();

  const SessionOptions options_;
  Random random_;
  Outbox& outbox_;

  SessionState state_ = SessionState::offline;
  std::optional<SessionEnd> end_;
  std::map<LeaseKey, Held> held_;
  std::deque<LeaseKey> waiting_;  // in the order of their grants; may name leases that are gone
  std::set<LeaseKey> occupied_;   // slots: started and not ended, dropped jobs included

  std::uint64_t started_ = 0;    // jobs, in all
  std::uint64_t movements_ = 0;  // grows whenever any running job moves

  std::uint64_t session_ = 0;
  std::optional<protocol::WorkSettings> settings_;
  Duration heartbeat_interval_;
  Duration lease_duration_;
  std::optional<TimePoint> alone_since_;
  TimePoint heard_{};     // greeting: when Hello was sent; up: the coordinator's last word
  TimePoint renew_at_{};  // up: the next heartbeat
  std::optional<TimePoint> anew_at_;  // offline: when to make a new connection
  unsigned greetings_ = 0;            // in vain, since the last Welcome
};

}  // namespace athanor::worker
