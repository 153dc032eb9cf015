#pragma once

#include "shared/base/clock.hpp"
#include "shared/transport/socket.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace athanor::transport {

// A router's connections and peers.
//
// The library names a connection by its descriptor when it comes and goes, and by a routing id when
// it sends; the two meet in the peer's first message. Descriptors are used again by later
// connections: before a new peer is noted, all endings that happened before it are read. The
// library can't end one peer's connection; shutting its descriptor down does, and the library
// notices at once.
class RouterEndpoint::Peers {
 public:
  // The socket and the gate (null: not encrypted) outlive it.
  Peers(Socket& socket, const SocketOptions& options, const Gate* gate);

  // Notes who sent a message; false: what it says is not to be heard any more.
  bool take(const Peer& peer, zmq::message_t& message);
  bool knows(const Peer& peer) const { return known_.contains(peer); }
  // Everything that was sent before has been received: who is leaving is gone.
  void all_received();
  std::vector<Peer> take_gone();
  void disconnect(const Peer& peer);
  // Closings that are due, silent connections, keys that aren't allowed any more.
  void look_after();

  std::string key_of(const Peer& peer) const;
  std::string user_of(const Peer& peer) const;
  std::size_t connections() const { return open_.size(); }
  RouterCounts& counts() { return counts_; }

 private:
  struct Connection {
    ino_t socket = 0;  // tells it from later users of the descriptor
    TimePoint since;
    Peer peer;  // empty until it has said something
  };
  struct Known {
    int fd = -1;
    std::string key;
    std::optional<TimePoint> cut_at = std::nullopt;  // disconnecting
  };

  void read_monitor();
  void accept(int fd);
  void close(int fd);
  // Shuts the connection down, if it is still the one that has the descriptor.
  static void cut(int fd, const Connection& connection);
  void expel_who_is_not_allowed();
  void expel(const Peer& peer);

  Socket& socket_;
  const SocketOptions options_;
  const Gate* gate_;
  const std::size_t max_connections_;
  // The library's own timers run on the system's clock, and so do these.
  const SystemClock clock_;

  std::unordered_map<int, Connection> open_;
  std::unordered_map<Peer, Known> known_;
  std::vector<Peer> leaving_;  // gone, but what they sent may still be queued
  std::vector<Peer> gone_;     // to be told
  std::vector<Peer> cutting_;  // known peers whose connection is to be cut
  TimePoint next_look_;
  std::uint64_t generation_ = 0;  // the gate's, when everybody was last checked
  RouterCounts counts_;
};

}  // namespace athanor::transport
