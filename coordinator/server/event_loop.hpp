#pragma once

#include "coordinator/core/outbox.hpp"
#include "coordinator/core/reactor.hpp"
#include "coordinator/server/journal_writer.hpp"
#include "coordinator/server/name_owners.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/transport/endpoint.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace athanor::coordinator {

// The loop's outside: whom it tells what the reactor decided.
class LoopHandler {
 public:
  virtual ~LoopHandler() = default;
  virtual void on_event(const RunEvent& event) = 0;
  virtual void publish_environment(EnvironmentId environment) = 0;
};

// One thread's loop around a reactor: messages in, decisions, journal, messages out. A turn's
// answers wait until its records are on disk; the loop itself doesn't. Not thread-safe.
class EventLoop final : public Outbox {
 public:
  struct Options {
    ReactorOptions reactor;
    std::uint64_t seed = 0;
  };
  // `journal` may be null: nothing is kept then. `handler` and `clock` outlive the loop.
  EventLoop(Options options, Reactor::SessionSource sessions,
            std::unique_ptr<JournalWriter> journal, LoopHandler& handler, const Clock& clock);

  void add_endpoint(std::unique_ptr<transport::RouterEndpoint> endpoint);
  Reactor& reactor() { return reactor_; }
  TimePoint now() const { return clock_.now(); }

  // Turns also begin when this endpoint has something; whoever injects asks it. Outlives the loop's
  // turns.
  void also_wait_for(transport::Endpoint& endpoint) { others_.push_back(&endpoint); }
  // Called once everything that this turn records is durable, in order with what else is said then.
  void when_durable(std::function<void()> call);

  // Waits for messages, for the given descriptors, or until the next tick or `deadline`; takes in
  // what there is; lets `inject` add what it knows; decides; hands the turn to the journal; says
  // what has become sayable. `inject` gets the descriptors that are readable. Errors: the
  // journal's, and then nothing more is said.
  using Inject = std::function<void(std::span<const int> readable)>;
  Result<void> turn(std::span<const int> fds, std::optional<TimePoint> deadline,
                    const Inject& inject);
  // Ends the turn that calls outside of turn() have begun, and waits until all is durable and said.
  Result<void> flush();

  // Peers that sent what is no message, or not for them to say, and were then cut off.
  std::uint64_t violations() const { return violations_; }
  // What the endpoints have seen, together.
  transport::RouterCounts connection_counts() const;

  // --- Outbox ---
  void send(PeerId peer, protocol::Message message) override;
  void close(PeerId peer) override;
  void record(Record record) override;
  void notify(RunEvent event) override;
  void publish_environment(EnvironmentId environment) override;

 private:
  struct Send {
    PeerId peer;
    protocol::Message message;
  };
  struct Close {
    PeerId peer;
  };
  struct Publish {
    EnvironmentId environment;
  };
  using Call = std::function<void()>;
  using Action = std::variant<Send, Close, RunEvent, Publish, Call>;
  // What may be said once the journal has reached a turn.
  struct Pending {
    std::uint64_t durable_at = 0;
    std::size_t records = 0;
    std::vector<Action> actions;
  };
  struct Connection {
    std::size_t endpoint = 0;
    transport::Peer peer;
    std::string name;  // once it has said hello
  };

  void receive(std::size_t endpoint);
  void take(TimePoint now, PeerId peer, const protocol::Frames& frames);
  void take_disconnected(std::size_t endpoint);
  PeerId peer_id(std::size_t endpoint, const transport::Peer& peer);
  bool claims_another_ones_name(TimePoint now, PeerId peer, const protocol::Message& message);
  void forget(PeerId peer);
  void disconnect(PeerId peer);
  void end_turn();
  Result<void> say_what_is_durable();
  void perform(Action& action);
  void perform_send(const Send& send);
  bool is_backlogged() const;

  const Clock& clock_;
  LoopHandler& handler_;
  std::unique_ptr<JournalWriter> journal_;
  NameOwners names_;
  Reactor reactor_;

  std::vector<std::unique_ptr<transport::RouterEndpoint>> endpoints_;
  std::vector<transport::Endpoint*> others_;
  std::vector<std::unordered_map<transport::Peer, PeerId>> peer_ids_;  // by endpoint
  std::unordered_map<PeerId, Connection> connections_;
  std::uint64_t next_peer_ = 1;
  std::vector<PeerId> unreachable_;  // found out while sending; told to the reactor next turn

  std::vector<Record> records_;  // of this turn
  std::vector<Action> actions_;
  std::deque<Pending> pending_;
  std::size_t pending_records_ = 0;
  TimePoint next_tick_;
  std::uint64_t violations_ = 0;
};

}  // namespace athanor::coordinator
