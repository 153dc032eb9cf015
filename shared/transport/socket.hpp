#pragma once

#include "shared/transport/endpoint.hpp"
#include "shared/transport/gate.hpp"

#include <zmq.hpp>

#include <atomic>
#include <optional>

// What both endpoints share; only this module includes it.
namespace athanor::transport {

struct Context::Impl {
  zmq::context_t context{1};
  std::atomic<std::uint64_t> monitors{0};  // names of monitors must differ
  std::unique_ptr<Gate> gate;              // null until Context::admit
};

struct MonitorEvent {
  std::uint16_t event = 0;
  int value = 0;  // the connection's descriptor
};

// A socket together with the monitor that tells of its connections.
struct Socket {
  Socket(Context::Impl& context, zmq::socket_type type, const SocketOptions& options);

  std::optional<MonitorEvent> next_event();
  // The next multipart message, if there is one now: at most its first `frames` frames, and
  // whether that was exactly all.
  struct Received {
    std::vector<zmq::message_t> frames;
    bool whole = false;
  };
  std::optional<Received> receive(std::size_t frames);
  // Sends one frame without waiting; 0 or the error number.
  int send(std::string_view bytes, bool more);

  zmq::socket_t socket;
  zmq::socket_t monitor;
};

// What a failed call means, with the endpoint's address.
Error socket_error(const zmq::error_t& error, std::string_view what, std::string_view endpoint);

std::string_view view(const zmq::message_t& message);

}  // namespace athanor::transport
