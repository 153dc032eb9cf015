#include "shared/transport/address.hpp"
#include "shared/transport/router_peers.hpp"

#include <cerrno>
#include <utility>

namespace athanor::transport {
namespace {

constexpr std::size_t k_frames = 3;  // peer, header, body

}  // namespace

RouterCounts& RouterCounts::operator+=(const RouterCounts& other) {
  accepted += other.accepted;
  turned_away += other.turned_away;
  failed_handshakes += other.failed_handshakes;
  malformed += other.malformed;
  silent += other.silent;
  expelled += other.expelled;
  return *this;
}

RouterEndpoint::RouterEndpoint() = default;

RouterEndpoint::~RouterEndpoint() = default;

Result<std::unique_ptr<RouterEndpoint>> RouterEndpoint::bind(Context& context,
                                                             const SocketOptions& options) {
  ATHANOR_TRY(check_address(options, Side::bind));
  const Gate* gate = is_encrypted(options) ? context.impl().gate.get() : nullptr;
  if (is_encrypted(options) && gate == nullptr) {
    return make_error(ErrorKind::invalid, "there is no list of the keys that may connect",
                      "an encrypted endpoint lets nobody in without one");
  }
  try {
    std::unique_ptr<RouterEndpoint> router(new RouterEndpoint());
    router->socket_ = std::make_unique<Socket>(context.impl(), zmq::socket_type::router, options);
    router->peers_ = std::make_unique<Peers>(*router->socket_, options, gate);
    router->socket_->socket.bind(options.endpoint);
    router->address_ = router->socket_->socket.get(zmq::sockopt::last_endpoint);
    return router;
  } catch (const zmq::error_t& error) {
    return socket_error(error, "cannot listen on", options.endpoint);
  }
}

SendOutcome RouterEndpoint::send(const Peer& peer, const protocol::Frames& frames) {
  // The library learns of an ending later than its monitor tells it.
  if (!peers_->knows(peer)) {
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
    Peer peer(view(received->frames.front()));
    const bool heard = peers_->take(peer, received->frames.back());
    if (!received->whole) {
      ++peers_->counts().malformed;
      peers_->disconnect(peer);
      continue;
    }
    if (!heard) {
      continue;
    }
    return Incoming{.peer = std::move(peer),
                    .frames = {.header = std::string(view(received->frames[1])),
                               .body = std::string(view(received->frames[2]))}};
  }
  peers_->all_received();
  return std::nullopt;
}

std::vector<Peer> RouterEndpoint::take_disconnected() {
  peers_->look_after();
  return peers_->take_gone();
}

void RouterEndpoint::disconnect(const Peer& peer) {
  peers_->disconnect(peer);
}

std::string RouterEndpoint::key_of(const Peer& peer) const {
  return peers_->key_of(peer);
}

std::string RouterEndpoint::user_of(const Peer& peer) const {
  return peers_->user_of(peer);
}

std::size_t RouterEndpoint::connections() const {
  return peers_->connections();
}

const RouterCounts& RouterEndpoint::counts() const {
  return peers_->counts();
}

}  // namespace athanor::transport
