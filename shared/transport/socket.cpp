#include "shared/transport/socket.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/transport/address.hpp"

#include <cstring>

namespace athanor::transport {
namespace {

constexpr int k_backlog = 4096;  // a fleet connects at once; the default of 100 costs seconds
constexpr int k_handshake_ms = 5'000;
constexpr int k_keepalive_idle_s = 60;
constexpr int k_reconnect_ms = 100;
constexpr int k_reconnect_max_ms = 3'000;  // a coordinator that comes back has its fleet soon
constexpr int k_connect_timeout_ms = 15'000;
constexpr int k_tcp_retransmit_ms = 30'000;

int milliseconds(std::chrono::milliseconds duration) {
  return static_cast<int>(duration.count());
}

// With IPv6 switched on, the library spells IPv4 addresses as mapped ones.
bool is_ipv4(std::string_view endpoint) {
  return endpoint.starts_with("tcp://") &&
         endpoint.substr(6).find_first_not_of("0123456789.:") == std::string_view::npos;
}

void secure(zmq::socket_t& socket, zmq::socket_type type, const EndpointSecurity& security) {
  using namespace zmq::sockopt;
  socket.set(curve_publickey, security.keys.public_key);
  socket.set(curve_secretkey, security.keys.secret_key.reveal());
  if (type == zmq::socket_type::router) {
    socket.set(curve_server, true);
    // Where nobody answers for a domain, the library lets everybody in: the gate is a precondition.
    socket.set(zap_domain, std::string(to_string(security.admits)));
  } else {
    socket.set(curve_serverkey, security.server_key);
  }
}

void configure(zmq::socket_t& socket, zmq::socket_type type, const SocketOptions& options) {
  using namespace zmq::sockopt;
  socket.set(maxmsgsize, static_cast<std::int64_t>(options.max_message));
  socket.set(sndhwm, options.send_queue);
  socket.set(rcvhwm, options.receive_queue);
  socket.set(zmq::sockopt::linger, milliseconds(options.linger));
  socket.set(heartbeat_ivl, milliseconds(options.ping_interval));
  socket.set(heartbeat_timeout, milliseconds(options.ping_timeout));
  socket.set(heartbeat_ttl, milliseconds(options.ping_timeout));
  socket.set(handshake_ivl, k_handshake_ms);
  socket.set(tcp_keepalive, 1);
  socket.set(tcp_keepalive_idle, k_keepalive_idle_s);
  socket.set(tcp_maxrt, k_tcp_retransmit_ms);
  socket.set(ipv6, !is_ipv4(options.endpoint));
  if (is_encrypted(options)) {
    secure(socket, type, *options.security);
  }
  if (type == zmq::socket_type::router) {
    socket.set(router_mandatory, true);  // a peer that is gone is an answer, not silence
    socket.set(backlog, k_backlog);
  } else {
    socket.set(immediate, true);
    socket.set(reconnect_ivl, k_reconnect_ms);
    socket.set(reconnect_ivl_max, k_reconnect_max_ms);
    socket.set(connect_timeout, k_connect_timeout_ms);
  }
}

}  // namespace

Socket::Socket(Context::Impl& context, zmq::socket_type type, const SocketOptions& options)
    : socket(context.context, type),
      monitor(context.context, zmq::socket_type::pair) {
  configure(socket, type, options);
  const std::string name = "inproc://monitor-" + std::to_string(++context.monitors);
  const int events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
  if (zmq_socket_monitor(socket.handle(), name.c_str(), events) != 0) {
    throw zmq::error_t();
  }
  monitor.set(zmq::sockopt::linger, 0);
  monitor.set(zmq::sockopt::rcvhwm, 0);  // what is lost here would leave dead peers in our tables
  monitor.connect(name);
}

std::optional<MonitorEvent> Socket::next_event() {
  zmq::message_t header;
  zmq::message_t address;
  if (zmq_msg_recv(header.handle(), monitor.handle(), ZMQ_DONTWAIT) < 0) {
    return std::nullopt;
  }
  if (header.more()) {
    zmq_msg_recv(address.handle(), monitor.handle(), ZMQ_DONTWAIT);
  }
  MonitorEvent event;
  std::uint32_t value = 0;
  if (header.size() < sizeof event.event + sizeof value) {
    return std::nullopt;
  }
  std::memcpy(&event.event, header.data(), sizeof event.event);
  std::memcpy(&value, static_cast<const char*>(header.data()) + sizeof event.event, sizeof value);
  event.value = static_cast<int>(value);
  return event;
}

std::optional<Socket::Received> Socket::receive(std::size_t frames) {
  Received received;
  bool more = true;
  std::size_t count = 0;
  while (more) {
    zmq::message_t frame;
    if (zmq_msg_recv(frame.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) {
      return std::nullopt;  // Only the first frame can be missing: messages arrive whole.
    }
    more = frame.more();
    ++count;
    if (received.frames.size() < frames) {
      received.frames.push_back(std::move(frame));
    }
  }
  received.whole = count == frames;
  return received;
}

int Socket::send(std::string_view bytes, bool more) {
  zmq::message_t message(bytes.data(), bytes.size());
  const int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
  return zmq_msg_send(message.handle(), socket.handle(), flags) < 0 ? zmq_errno() : 0;
}

Error socket_error(const zmq::error_t& error, std::string_view what, std::string_view endpoint) {
  const ErrorKind kind =
      error.num() == EINVAL || error.num() == ENODEV || error.num() == EPROTONOSUPPORT
          ? ErrorKind::invalid
          : ErrorKind::rejected;
  return make_error(kind, std::string(what) + " '" + printable(endpoint) + "': " + error.what());
}

std::string_view view(const zmq::message_t& message) {
  return {static_cast<const char*>(message.data()), message.size()};
}

}  // namespace athanor::transport
