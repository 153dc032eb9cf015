#include "shared/transport/address.hpp"
#include "shared/transport/socket.hpp"

#include <algorithm>

namespace athanor::transport {
namespace {

constexpr std::size_t k_frames = 2;                        // header, body
constexpr std::chrono::milliseconds k_refused_pause{500};  // doubled with each refusal
constexpr unsigned k_most_doublings = 5;

}  // namespace

DealerEndpoint::DealerEndpoint(Context& context)
    : context_(context),
      random_(Random::from_entropy()) {}

DealerEndpoint::~DealerEndpoint() = default;

Result<std::unique_ptr<DealerEndpoint>> DealerEndpoint::connect(Context& context,
                                                                SocketOptions options) {
  ATHANOR_TRY(check_address(options, Side::connect));
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
    if (!received->whole) {
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
    switch (event->event) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        events.push_back(LinkEvent::connected);
        refusals_ = 0;
        open_again_.reset();
        break;
      case ZMQ_EVENT_DISCONNECTED:
        events.push_back(LinkEvent::disconnected);
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        events.push_back(LinkEvent::refused);
        note_refusal();
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        events.push_back(LinkEvent::failed_handshake);
        note_refusal();
        break;
      default:
        break;
    }
  }
  if (open_again_ && SystemClock().now() >= *open_again_) {
    open_again_.reset();
    // What made the first socket makes the next one; should it not, the old one stays, silent.
    [[maybe_unused]] const bool done = reconnect().ok();
  }
  return events;
}

void DealerEndpoint::note_refusal() {
  if (open_again_) {
    return;
  }
  const auto most = k_refused_pause * (1U << std::min(refusals_++, k_most_doublings));
  // Half of it is chance, so that a fleet that waits for its line in the list doesn't come as one.
  const auto part = static_cast<std::uint64_t>(most.count() / 2);
  open_again_ = SystemClock().now() + std::chrono::milliseconds(part + random_.below(part + 1));
}

Result<void> DealerEndpoint::reconnect() {
  open_again_.reset();
  if (socket_) {
    socket_->socket.set(zmq::sockopt::linger, 0);
  }
  return open();
}

}  // namespace athanor::transport
