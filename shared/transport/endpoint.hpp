#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/random.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/codec.hpp"
#include "shared/transport/allow_list.hpp"
#include "shared/transport/keys.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace athanor::transport {

// Who may be at the other end of an endpoint without encryption.
enum class Exposure {
  // ipc:// in a private directory. Not tcp:// on the loopback interface: every user and program of
  // the machine can reach that, and what travels may hold credentials.
  local_only,
  insecure,  // anywhere: the user said so, knowing that everybody can read and forge
};

// What protects a tcp:// endpoint: CURVE encryption, with both ends' keys checked. ipc:// endpoints
// don't use it: their directory's permissions protect them.
struct EndpointSecurity {
  KeyPair keys;            // this end's own
  std::string server_key;  // connecting end: the public key that the other end must have
  Role admits =
      Role::worker;  // binding end: what the keys that are let in must be (Context::admit)
};

struct SocketOptions {
  std::string endpoint;  // "ipc:///path", "tcp://host:port"
  Exposure exposure = Exposure::local_only;
  std::optional<EndpointSecurity> security = std::nullopt;
  // Pings of the connection itself: they notice dead machines and cut cables, not hung programs.
  std::chrono::milliseconds ping_interval{2'000};
  std::chrono::milliseconds ping_timeout{6'000};
  int send_queue = 1'024;     // messages per peer; more are refused (SendOutcome::full)
  int receive_queue = 1'024;  // messages per peer; then the peer's own queue fills
  std::chrono::milliseconds linger{1'000};            // for what is unsent when the endpoint goes
  std::size_t max_message = limits::k_message_bytes;  // larger ones cost the peer its connection
  // Router: connections at once; more are cut off as they come. 0: as many as this process may have
  // descriptors for, less some for itself.
  std::size_t max_connections = 0;
  // Router: a connection over which nothing has been said for so long is cut off.
  std::chrono::milliseconds first_message_timeout{15'000};
};

enum class SendOutcome {
  sent,  // handed to the I/O thread; whether it arrives, only an answer can tell
  full,  // the peer takes nothing now: its queue is full, or (dealer) there is no connection
  gone,  // router: no such peer any more
};

// ZeroMQ's I/O thread. Outlives the endpoints made on it. Thread-safe.
class Context {
 public:
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // From here on, encrypted routers of this context let in the keys that the file lists (see
  // AllowList), and none else. The file is read again when it changes; whoever isn't listed any
  // more is cut off. `news` is called on a thread of the context's own, with words for a log.
  // Errors: AllowList::read's. REQUIRES: called once, before the routers are bound.
  Result<void> admit(const std::filesystem::path& allow_list,
                     std::function<void(const std::string& text)> news);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct Socket;  // the library's side of an endpoint

// What wait() can wait for. Not thread-safe: an endpoint belongs to one thread at a time.
class Endpoint {
 public:
  virtual ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // Where it is bound or connected to; a port chosen by the system is filled in.
  const std::string& address() const { return address_; }

 protected:
  Endpoint();

  std::unique_ptr<Socket> socket_;
  std::string address_;

  friend Result<std::vector<int>> wait(std::span<Endpoint* const> endpoints,
                                       std::span<const int> fds, std::chrono::milliseconds timeout);
};

// Waits until an endpoint has something (a message, a connection event), one of the descriptors is
// readable, or the time is over (negative: no limit). Returns the readable descriptors; may return
// early with none. The endpoints are asked through their own functions.
Result<std::vector<int>> wait(std::span<Endpoint* const> endpoints, std::span<const int> fds,
                              std::chrono::milliseconds timeout);

// A peer of a router: a name chosen by our side, so that no peer can take another's place. Never
// used again for another connection.
using Peer = std::string;

struct Incoming {
  Peer peer;
  protocol::Frames frames;
};

// What a router has seen, since it was bound.
struct RouterCounts {
  std::uint64_t accepted = 0;
  std::uint64_t turned_away = 0;        // more than max_connections
  std::uint64_t failed_handshakes = 0;  // wrong or missing key, no ZMTP, too slow
  std::uint64_t malformed = 0;          // multipart messages of the wrong shape
  std::uint64_t silent = 0;             // never said a word
  std::uint64_t expelled = 0;           // their key isn't allowed any more

  RouterCounts& operator+=(const RouterCounts& other);
};

// The coordinator's end: many peers.
class RouterEndpoint final : public Endpoint {
 public:
  // rejected: the endpoint is not private and nothing protects it, or the address is in use;
  // invalid: no such address, or keys without Context::admit. The directory of an ipc:// path must
  // be its owner's alone (0700).
  static Result<std::unique_ptr<RouterEndpoint>> bind(Context& context,
                                                      const SocketOptions& options);
  ~RouterEndpoint() override;

  SendOutcome send(const Peer& peer, const protocol::Frames& frames);
  // The next message, if there is one now. Who sends multipart messages of the wrong shape is
  // disconnected.
  std::optional<Incoming> receive();
  // Peers whose connection is gone, each once, and only after receive() has returned everything
  // that they sent before. To be called at least once a second: it also looks after silent,
  // surplus and expelled connections.
  std::vector<Peer> take_disconnected();
  // Nothing is received from the peer any more, and its connection is cut when what was sent to it
  // has had a moment to arrive. take_disconnected() names it all the same.
  void disconnect(const Peer& peer);

  // The public key by which the peer was let in; empty if the endpoint isn't encrypted.
  std::string key_of(const Peer& peer) const;
  // The name of that key in the list; may be empty.
  std::string user_of(const Peer& peer) const;
  // Connections now, those that haven't said anything included.
  std::size_t connections() const;
  const RouterCounts& counts() const;

 private:
  RouterEndpoint();
  class Peers;
  std::unique_ptr<Peers> peers_;
};

enum class LinkEvent {
  connected,
  disconnected,
  refused,           // the other end doesn't allow our key
  failed_handshake,  // it speaks no ZMTP, has another key than we expect, or isn't encrypted
};

// The worker's end: one peer, to which it reconnects by itself, with growing pauses.
class DealerEndpoint final : public Endpoint {
 public:
  // Connecting goes on in the background. rejected: the endpoint is not private and nothing
  // protects it; invalid: no such address.
  static Result<std::unique_ptr<DealerEndpoint>> connect(Context& context, SocketOptions options);
  ~DealerEndpoint() override;

  // `full` while there is no connection: nothing is queued for a coordinator that isn't there.
  SendOutcome send(const protocol::Frames& frames);
  std::optional<protocol::Frames> receive();
  // What happened to the connection since the last call, in order. To be called about once a
  // second at least: it also asks again where a handshake failed.
  std::vector<LinkEvent> take_events();
  // Throws the socket away with everything queued in it and begins anew.
  Result<void> reconnect();
  // Multipart messages of the wrong shape, dropped unread.
  std::uint64_t malformed() const { return malformed_; }

 private:
  explicit DealerEndpoint(Context& context);
  Result<void> open();
  void note_refusal();

  Context& context_;
  SocketOptions options_;
  std::uint64_t malformed_ = 0;
  // The library gives up a socket whose handshake was refused; a new one asks again, later.
  Random random_;
  unsigned refusals_ = 0;                // since it was last connected
  std::optional<TimePoint> open_again_;  // a new socket is due then
};

}  // namespace athanor::transport
