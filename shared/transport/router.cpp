#include "shared/transport/address.hpp"
#include "shared/transport/socket.hpp"

#include <cstdlib>
#include <unordered_map>
#include <unordered_set>

namespace athanor::transport {
namespace {

constexpr std::size_t k_frames = 3;  // peer, header, body

// The descriptor of the connection that a message came over; -1 if the library doesn't say.
int source_fd(zmq::message_t& message) {
  return zmq_msg_get(message.handle(), ZMQ_SRCFD);
}

}  // namespace

// The library names a connection by its descriptor when it ends, and by a routing id when it sends;
// the two meet in the peer's first message. Descriptors are used again by later connections:
// before a new peer is noted, all endings that happened before it are read.
struct RouterEndpoint::Peers {
  std::unordered_map<int, Peer> by_fd;
  std::unordered_set<Peer> known;
  std::vector<Peer> leaving;  // gone, but what they sent may still be queued
  std::vector<Peer> gone;     // to be told
};

RouterEndpoint::RouterEndpoint()
    : peers_(std::make_unique<Peers>()) {}

RouterEndpoint::~RouterEndpoint() = default;

Result<std::unique_ptr<RouterEndpoint>> RouterEndpoint::bind(Context& context,
                                                             const SocketOptions& options) {
  ATHANOR_TRY(check_address(options.endpoint, options.exposure, Side::bind));
  try {
    std::unique_ptr<RouterEndpoint> router(new RouterEndpoint());
    router->socket_ = std::make_unique<Socket>(context.impl(), zmq::socket_type::router, options);
    router->socket_->socket.bind(options.endpoint);
    router->address_ = router->socket_->socket.get(zmq::sockopt::last_endpoint);
    return router;
  } catch (const zmq::error_t& error) {
    return socket_error(error, "cannot listen on", options.endpoint);
  }
}

SendOutcome RouterEndpoint::send(const Peer& peer, const protocol::Frames& frames) {
  // The library learns of an ending later than its monitor tells it.
  if (!peers_->known.contains(peer)) {
    return SendOutcome::gone;
  }
  if (const int error = socket_->send(peer, true); error != 0) {
    return error == EAGAIN ? SendOutcome::full : SendOutcome::gone;
  }
  // Once the peer is chosen the library takes the rest, or drops it with the peer.
  const bool sent =
      socket_->send(frames.header, true) == 0 && socket_->send(frames.body, false) == 0;
  return sent ? SendOutcome::sent : SendOutcome::gone;
}

std::optional<Incoming> RouterEndpoint::receive() {
  while (std::optional<Socket::Received> received = socket_->receive(k_frames)) {
    if (received->frames.empty()) {
      ++malformed_;
      continue;
    }
    Incoming incoming;
    incoming.peer = view(received->frames[0]);
    remember(incoming.peer, source_fd(received->frames[2]));
    incoming.frames.header = view(received->frames[1]);
    incoming.frames.body = view(received->frames[2]);
    return incoming;
  }
  std::vector<Peer>& leaving = peers_->leaving;
  for (Peer& peer : leaving) {
    peers_->known.erase(peer);
    peers_->gone.push_back(std::move(peer));
  }
  leaving.clear();
  return std::nullopt;
}

std::vector<Peer> RouterEndpoint::take_disconnected() {
  read_monitor();
  return std::exchange(peers_->gone, {});
}

void RouterEndpoint::read_monitor() {
  while (const std::optional<MonitorEvent> event = socket_->next_event()) {
    if (event->event != ZMQ_EVENT_DISCONNECTED) {
      continue;
    }
    const auto found = peers_->by_fd.find(event->value);
    if (found != peers_->by_fd.end()) {
      peers_->leaving.push_back(std::move(found->second));
      peers_->by_fd.erase(found);
    }
  }
}

void RouterEndpoint::remember(const Peer& peer, int fd) {
  if (peers_->known.contains(peer)) {
    return;
  }
  read_monitor();
  peers_->known.insert(peer);
  if (fd >= 0) {
    peers_->by_fd.insert_or_assign(fd, peer);
  }
}

}  // namespace athanor::transport
