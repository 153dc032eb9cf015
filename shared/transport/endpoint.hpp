#pragma once

#include "shared/base/result.hpp"
#include "shared/protocol/codec.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace athanor::transport {

// Who may be at the other end of an endpoint without encryption.
enum class Exposure {
  local_only,  // ipc:// in a private directory, tcp:// on the loopback interface
  insecure,    // anywhere: the user said so, knowing that everybody can read and forge
};

struct SocketOptions {
  std::string endpoint;  // "ipc:///path", "tcp://host:port"
  Exposure exposure = Exposure::local_only;
  // Pings of the connection itself: they notice dead machines and cut cables, not hung programs.
  std::chrono::milliseconds ping_interval{2'000};
  std::chrono::milliseconds ping_timeout{6'000};
  int send_queue = 1'024;     // messages per peer; more are refused (SendOutcome::full)
  int receive_queue = 1'024;  // messages per peer; then the peer's own queue fills
  std::chrono::milliseconds linger{1'000};  // for what is unsent when the endpoint goes
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
  // Multipart messages of the wrong shape, dropped unread. A peer that sends them is broken.
  std::uint64_t malformed() const { return malformed_; }

 protected:
  Endpoint();

  std::unique_ptr<Socket> socket_;
  std::string address_;
  std::uint64_t malformed_ = 0;

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

// The coordinator's end: many peers.
class RouterEndpoint final : public Endpoint {
 public:
  // rejected: the endpoint is not private and nothing protects it, or the address is in use;
  // invalid: no such address. The directory of an ipc:// path must be its owner's alone (0700).
  static Result<std::unique_ptr<RouterEndpoint>> bind(Context& context,
                                                      const SocketOptions& options);
  ~RouterEndpoint() override;

  SendOutcome send(const Peer& peer, const protocol::Frames& frames);
  // The next message, if there is one now.
  std::optional<Incoming> receive();
  // Peers whose connection is gone, each once, and only after receive() has returned everything
  // that they sent before.
  std::vector<Peer> take_disconnected();

 private:
  RouterEndpoint();
  void read_monitor();
  void remember(const Peer& peer, int fd);

  struct Peers;
  std::unique_ptr<Peers> peers_;
};

enum class LinkEvent { connected, disconnected };

// The worker's end: one peer, to which ZeroMQ reconnects by itself, with growing pauses.
class DealerEndpoint final : public Endpoint {
 public:
  // Connecting goes on in the background. rejected: the endpoint is not private and nothing
  // protects it; invalid: no such address.
  static Result<std::unique_ptr<DealerEndpoint>> connect(Context& context, SocketOptions options);
  ~DealerEndpoint() override;

  // `full` while there is no connection: nothing is queued for a coordinator that isn't there.
  SendOutcome send(const protocol::Frames& frames);
  std::optional<protocol::Frames> receive();
  // What happened to the connection since the last call, in order.
  std::vector<LinkEvent> take_events();
  // Throws the socket away with everything queued in it and begins anew.
  Result<void> reconnect();

 private:
  explicit DealerEndpoint(Context& context);
  Result<void> open();

  Context& context_;
  SocketOptions options_;
};

}  // namespace athanor::transport
