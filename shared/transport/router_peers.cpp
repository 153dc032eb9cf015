#include "shared/transport/router_peers.hpp"

#include "shared/os/descriptors.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace athanor::transport {
namespace {

// Descriptors that the process keeps for its journal, store, logs and library.
constexpr std::size_t k_own_descriptors = 256;
constexpr std::size_t k_fewest_connections = 16;
constexpr std::chrono::milliseconds k_look_interval{500};
// What a last message may take on its way, before the connection that it goes over is cut.
constexpr std::chrono::milliseconds k_last_words{1'000};

std::size_t connection_limit(const SocketOptions& options) {
  if (options.max_connections != 0) {
    return options.max_connections;
  }
  const std::size_t descriptors = descriptor_limit();
  return descriptors > k_own_descriptors + k_fewest_connections ? descriptors - k_own_descriptors
                                                                : k_fewest_connections;
}

// The number of the socket behind a descriptor; 0 if there is none (any more).
ino_t socket_number(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

}  // namespace

RouterEndpoint::Peers::Peers(Socket& socket, const SocketOptions& options, const Gate* gate)
    : socket_(socket),
      options_(options),
      gate_(gate),
      max_connections_(connection_limit(options)),
      generation_(gate != nullptr ? gate->generation() : 0) {}

bool RouterEndpoint::Peers::take(const Peer& peer, zmq::message_t& message) {
  const auto known = known_.find(peer);
  if (known != known_.end()) {
    return !known->second.cut_at;
  }
  read_monitor();
  Known fresh{.fd = zmq_msg_get(message.handle(), ZMQ_SRCFD), .key = {}};
  if (gate_ != nullptr) {
    const char* user = zmq_msg_gets(message.handle(), "User-Id");
    fresh.key = user != nullptr ? user : "";
  }
  const auto connection = open_.find(fresh.fd);
  if (connection == open_.end()) {
    leaving_.push_back(peer);  // it went before its first word was heard
  } else {
    if (!connection->second.peer.empty()) {
      leaving_.push_back(connection->second.peer);  // its descriptor has a later connection now
    }
    connection->second.peer = peer;
  }
  // Its key may have been taken off the list between its coming in and its first word.
  const bool allowed = gate_ == nullptr || gate_->admits(options_.security->admits, fresh.key);
  known_.emplace(peer, std::move(fresh));
  if (!allowed) {
    expel(peer);
  }
  return allowed;
}

void RouterEndpoint::Peers::all_received() {
  for (Peer& peer : leaving_) {
    if (known_.erase(peer) != 0) {
      gone_.push_back(std::move(peer));
    }
  }
  leaving_.clear();
}

std::vector<Peer> RouterEndpoint::Peers::take_gone() {
  read_monitor();
  return std::exchange(gone_, {});
}

void RouterEndpoint::Peers::disconnect(const Peer& peer) {
  const auto known = known_.find(peer);
  if (known != known_.end() && !known->second.cut_at) {
    known->second.cut_at = clock_.now() + k_last_words;
    cutting_.push_back(peer);
  }
}

void RouterEndpoint::Peers::read_monitor() {
  while (const std::optional<MonitorEvent> event = socket_.next_event()) {
    switch (event->event) {
      case ZMQ_EVENT_ACCEPTED:
        accept(event->value);
        break;
      case ZMQ_EVENT_DISCONNECTED:
        close(event->value);
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        ++counts_.failed_handshakes;
        break;
      default:
        break;
    }
  }
}

void RouterEndpoint::Peers::accept(int fd) {
  close(fd);  // an ending that wasn't told
  ++counts_.accepted;
  const Connection connection{.socket = socket_number(fd), .since = clock_.now(), .peer = {}};
  if (open_.size() >= max_connections_) {
    ++counts_.turned_away;
    cut(fd, connection);
    return;
  }
  open_.emplace(fd, connection);
}

void RouterEndpoint::Peers::close(int fd) {
  const auto found = open_.find(fd);
  if (found == open_.end()) {
    return;
  }
  if (!found->second.peer.empty()) {
    leaving_.push_back(std::move(found->second.peer));
  }
  open_.erase(found);
}

void RouterEndpoint::Peers::cut(int fd, const Connection& connection) {
  if (connection.socket != 0 && socket_number(fd) == connection.socket) {
    ::shutdown(fd, SHUT_RDWR);
  }
}

void RouterEndpoint::Peers::look_after() {
  const TimePoint now = clock_.now();
  if (gate_ != nullptr && gate_->generation() != generation_) {
    expel_who_is_not_allowed();
  }
  if (now < next_look_) {
    return;
  }
  next_look_ = now + k_look_interval;
  std::erase_if(cutting_, [&](const Peer& peer) {
    const auto known = known_.find(peer);
    if (known == known_.end()) {
      return true;
    }
    if (now < *known->second.cut_at) {
      return false;
    }
    const auto connection = open_.find(known->second.fd);
    if (connection != open_.end() && connection->second.peer == peer) {
      cut(connection->first, connection->second);
    }
    return true;
  });
  for (auto& [fd, connection] : open_) {
    if (connection.peer.empty() && now - connection.since >= options_.first_message_timeout) {
      ++counts_.silent;
      connection.since = now;  // tried again if it doesn't go
      cut(fd, connection);
    }
  }
}

void RouterEndpoint::Peers::expel_who_is_not_allowed() {
  generation_ = gate_->generation();
  for (auto& [peer, known] : known_) {
    if (!known.cut_at && !gate_->admits(options_.security->admits, known.key)) {
      expel(peer);
    }
  }
}

void RouterEndpoint::Peers::expel(const Peer& peer) {
  ++counts_.expelled;
  known_.at(peer).cut_at = clock_.now();
  cutting_.push_back(peer);
}

std::string RouterEndpoint::Peers::key_of(const Peer& peer) const {
  const auto known = known_.find(peer);
  return known == known_.end() ? std::string() : known->second.key;
}

std::string RouterEndpoint::Peers::user_of(const Peer& peer) const {
  return gate_ != nullptr ? gate_->name_of(key_of(peer)) : std::string();
}

}  // namespace athanor::transport
