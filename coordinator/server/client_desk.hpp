#pragma once

#include "coordinator/server/batch_desk.hpp"
#include "coordinator/server/event_loop.hpp"
#include "coordinator/server/watches.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/result.hpp"
#include "shared/json/json.hpp"
#include "shared/layout/layout.hpp"
#include "shared/protocol/client_codec.hpp"
#include "shared/protocol/client_messages.hpp"
#include "shared/transport/endpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace athanor::coordinator {

// The clients of a service: what they ask is answered, what they submit is handed to the batch
// desk, what they watch is told to them. Obeys shared/protocol/CLIENTS.md. Memory is bounded per
// client and in all; a client that goes away takes nothing along but its own watches and the
// submission that it had not finished sending. All calls on the loop's thread.
class ClientDesk {
 public:
  // All of them outlive the desk.
  ClientDesk(EventLoop& loop, BatchDesk& batches, const Layout& layout, const Clock& clock);

  // Where clients connect, beside where they could before.
  void add_endpoint(std::unique_ptr<transport::RouterEndpoint> endpoint);

  // Takes in what clients have sent.
  void receive();
  void on_event(const RunEvent& event);
  // Sends what waits, ends watches that are over. Once a turn.
  void tick();

  std::size_t clients() const { return clients_.size(); }

 private:
  using PeerKey = std::pair<std::size_t, transport::Peer>;  // endpoint, peer

  struct Upload {
    std::uint64_t document_bytes = 0;
    std::uint64_t total = 0;
    std::uint64_t credit = 0;
    std::string bytes;
  };
  struct Client {
    std::uint64_t id = 0;
    PeerKey peer;
    std::string name;
    bool greeted = false;
    std::map<std::uint64_t, Upload> uploads;            // by request
    std::map<std::uint64_t, Watches::Watcher> watches;  // by request
    std::deque<protocol::Frames> waiting;               // the socket took no more
    std::size_t waiting_bytes = 0;
    std::map<std::uint64_t, std::vector<std::string>> told;  // events of this turn, by request
    std::size_t told_bytes = 0;
  };
  struct Watch {
    std::uint64_t client = 0;
    std::uint64_t request = 0;
  };

  Client* client_of(const PeerKey& peer);
  void take(const PeerKey& peer, const protocol::Frames& frames);
  void take(Client& client, const protocol::ClientMessage& message);
  void on(Client& client, const protocol::ClientHello& hello);
  void on(Client& client, const protocol::Submit& submit);
  void on(Client& client, const protocol::Part& part);
  void on(Client& client, const protocol::Ask& ask);
  void on(Client& client, const protocol::Command& command);
  void on(Client& client, const protocol::Watch& watch);
  void on(Client& client, const protocol::Unwatch& unwatch);

  void finish_upload(Client& client, std::uint64_t request);
  Result<Json> answer(const protocol::Ask& ask) const;
  Result<Json> obey(const protocol::Command& command);
  Result<Json> obey_workers(const protocol::Command& command);
  Result<BatchId> batch_named(const std::string& subject) const;
  Json status() const;

  void grant_credit(Client& client, std::uint64_t request, Upload& upload);
  // Says it once everything that this turn records is durable.
  void reply(const Client& client, std::uint64_t request, const Result<Json>& result);
  void send_answer(std::uint64_t client, std::uint64_t request, const std::string& text);
  void send(Client& client, const protocol::ClientMessage& message);
  void flush(Client& client);
  bool tell(Watches::Watcher watcher, const std::string& event);
  void refuse(Client& client, std::string reason);
  void drop(std::uint64_t client);
  void send_events();
  void end_watches();

  EventLoop& loop_;
  BatchDesk& batches_;
  const Layout& layout_;
  const Clock& clock_;
  Watches watches_;
  std::vector<std::unique_ptr<transport::RouterEndpoint>> endpoints_;
  std::map<PeerKey, std::uint64_t> by_peer_;
  std::map<std::uint64_t, Client> clients_;
  std::map<Watches::Watcher, Watch> watchers_;
  std::set<std::uint64_t> to_drop_;
  std::vector<OriginStats> origins_;  // as last told
  std::uint64_t next_id_ = 1;
  std::uint64_t uploading_bytes_ = 0;  // promised by all uploads together
  TimePoint started_;
};

}  // namespace athanor::coordinator
