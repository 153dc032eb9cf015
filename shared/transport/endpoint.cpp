#include "shared/transport/socket.hpp"

#include <algorithm>
#include <cerrno>

namespace athanor::transport {

Context::Context()
    : impl_(std::make_unique<Impl>()) {}

Context::~Context() = default;

Result<void> Context::admit(const std::filesystem::path& allow_list,
                            std::function<void(const std::string& text)> news) {
  ATHANOR_CHECK(!impl_->gate);
  ATHANOR_ASSIGN(impl_->gate, Gate::open(impl_->context, allow_list, std::move(news)));
  return {};
}

Endpoint::Endpoint() = default;

Endpoint::~Endpoint() = default;

Result<std::vector<int>> wait(std::span<Endpoint* const> endpoints, std::span<const int> fds,
                              std::chrono::milliseconds timeout) {
  std::vector<zmq_pollitem_t> items;
  items.reserve(endpoints.size() * 2 + fds.size());
  for (const int fd : fds) {
    items.push_back({.socket = nullptr, .fd = fd, .events = ZMQ_POLLIN, .revents = 0});
  }
  for (Endpoint* endpoint : endpoints) {
    Socket& socket = *endpoint->socket_;
    items.push_back(
        {.socket = socket.socket.handle(), .fd = 0, .events = ZMQ_POLLIN, .revents = 0});
    items.push_back(
        {.socket = socket.monitor.handle(), .fd = 0, .events = ZMQ_POLLIN, .revents = 0});
  }
  const long limit = std::max<long>(timeout.count(), -1);
  if (zmq_poll(items.data(), static_cast<int>(items.size()), limit) < 0 && zmq_errno() != EINTR) {
    return system_error(zmq_errno(), "cannot wait for messages");
  }
  std::vector<int> readable;
  for (std::size_t i = 0; i < fds.size(); ++i) {
    if (items[i].revents != 0) {
      readable.push_back(items[i].fd);
    }
  }
  return readable;
}

}  // namespace athanor::transport
