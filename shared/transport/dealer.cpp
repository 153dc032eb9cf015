#include "shared/transport/address.hpp"
#include "shared/transport/socket.hpp"

namespace athanor::transport {
namespace {

constexpr std::size_t k_frames = 2;  // header, body

}  // namespace

DealerEndpoint::DealerEndpoint(Context& context)
    : context_(context) {}

DealerEndpoint::~DealerEndpoint() = default;

Result<std::unique_ptr<DealerEndpoint>> DealerEndpoint::connect(Context& context,
                                                                SocketOptions options) {
  ATHANOR_TRY(check_address(options.endpoint, options.exposure, Side::connect));
  std::unique_ptr<DealerEndpoint> dealer(new DealerEndpoint(context));
  dealer->address_ = options.endpoint;
  dealer->options_ = std::move(options);
  ATHANOR_TRY(dealer->open());
  return dealer;
}

Result<void> DealerEndpoint::open() {
  try {
    auto socket = std::make_unique<Socket>(context_.impl(), zmq::socket_type::dealer, options_);
    socket->socket.connect(options_.endpoint);
    socket_ = std::move(socket);
    return {};
  } catch (const zmq::error_t& error) {
    return socket_error(error, "cannot connect to", options_.endpoint);
  }
}

SendOutcome DealerEndpoint::send(const protocol::Frames& frames) {
  if (socket_->send(frames.header, true) != 0) {
    return SendOutcome::full;
  }
  return socket_->send(frames.body, false) == 0 ? SendOutcome::sent : SendOutcome::full;
}

std::optional<protocol::Frames> DealerEndpoint::receive() {
  while (const std::optional<Socket::Received> received = socket_->receive(k_frames)) {
    if (received->frames.empty()) {
      ++malformed_;
      continue;
    }
    return protocol::Frames{.header = std::string(view(received->frames[0])),
                            .body = std::string(view(received->frames[1]))};
  }
  return std::nullopt;
}

std::vector<LinkEvent> DealerEndpoint::take_events() {
  std::vector<LinkEvent> events;
  while (const std::optional<MonitorEvent> event = socket_->next_event()) {
    if (event->event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
      events.push_back(LinkEvent::connected);
    } else if (event->event == ZMQ_EVENT_DISCONNECTED) {
      events.push_back(LinkEvent::disconnected);
    }
  }
  return events;
}

Result<void> DealerEndpoint::reconnect() {
  if (socket_) {
    socket_->socket.set(zmq::sockopt::linger, 0);
  }
  return open();
}

}  // namespace athanor::transport
