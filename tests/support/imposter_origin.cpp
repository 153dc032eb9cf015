#include "tests/support/imposter_origin.hpp"

#include "shared/base/strings.hpp"
#include "shared/os/fd.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <list>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>

namespace athanor::test {
namespace {

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Reads until `buffer` holds at least `size` bytes.
bool receive_until(int fd, std::string& buffer, std::size_t size) {
  while (buffer.size() < size) {
    char piece[65536];
    const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
    if (got <= 0) {
      return false;
    }
    buffer.append(piece, static_cast<std::size_t>(got));
  }
  return true;
}

// One request from the connection; `buffer` keeps what was read beyond it.
std::optional<OriginRequest> receive_request(int fd, std::string& buffer) {
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!receive_until(fd, buffer, buffer.size() + 1)) {
      return std::nullopt;
    }
  }
  OriginRequest request;
  const std::string head = buffer.substr(0, end);
  buffer.erase(0, end + 4);
  for (const std::string_view line : split(head, '\n')) {
    const std::string_view text = trim(line);
    if (request.method.empty()) {
      const auto words = split(text, ' ');
      request.method = std::string(words[0]);
      request.target = words.size() > 1 ? std::string(words[1]) : std::string();
    } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
      request.headers[to_lower(text.substr(0, colon))] = std::string(trim(text.substr(colon + 1)));
    }
  }
  if (request.headers.contains("expect")) {
    send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n");
  }
  const auto length = request.headers.find("content-length");
  if (length != request.headers.end()) {
    const std::size_t size = std::strtoul(length->second.c_str(), nullptr, 10);
    if (!receive_until(fd, buffer, size)) {
      return std::nullopt;
    }
    request.body = buffer.substr(0, size);
    buffer.erase(0, size);
  }
  return request;
}

std::string head_of(const OriginResponse& response) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " Imposter\r\n";
  for (const auto& [name, value] : response.headers) {
    head += name + ": " + value + "\r\n";
  }
  if (response.then != OriginResponse::Then::endless &&
      !response.headers.contains("Content-Length") && response.status != 204 &&
      response.status != 304) {
    head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  }
  return head + "\r\n";
}

}  // namespace

struct ImposterOrigin::Impl {
  Fd listener;
  std::uint16_t port = 0;
  mutable std::mutex mutex;
  std::condition_variable_any ended;
  std::map<std::string, Handler, std::less<>> handlers;
  Handler any;
  std::vector<OriginRequest> log;
  std::size_t connection_count = 0;
  std::list<int> open_fds;
  std::vector<std::thread> threads;
  std::thread accepting;
  std::stop_source stop;

  void accept_loop() {
    while (true) {
      const int fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) {
        return;
      }
      const int one = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const std::lock_guard lock(mutex);
      if (stop.stop_requested()) {
        ::close(fd);
        return;
      }
      ++connection_count;
      const auto entry = open_fds.insert(open_fds.end(), fd);
      threads.emplace_back([this, entry] { converse(entry); });
    }
  }

  void converse(std::list<int>::iterator entry) {
    const int fd = *entry;
    std::string buffer;
    while (auto request = receive_request(fd, buffer)) {
      if (!respond(fd, *request)) {
        break;
      }
    }
    const std::lock_guard lock(mutex);
    open_fds.erase(entry);
    ::close(fd);
  }

  Handler handler_for(const OriginRequest& request) {
    const std::lock_guard lock(mutex);
    log.push_back(request);
    const auto found = handlers.find(request.target.substr(0, request.target.find('?')));
    if (found != handlers.end()) {
      return found->second;
    }
    return any;
  }

  void stay_silent() {
    std::unique_lock lock(mutex);
    ended.wait(lock, stop.get_token(), [] { return false; });
  }

  // False if the connection is at its end.
  bool respond(int fd, const OriginRequest& request) {
    using Then = OriginResponse::Then;
    const Handler handler = handler_for(request);
    const OriginResponse response = handler ? handler(request) : answer(404, "no such thing\n");
    if (response.then == Then::without_answer) {
      return false;
    }
    if (response.then == Then::never_answer) {
      stay_silent();
      return false;
    }
    if (!send_all(fd, head_of(response))) {
      return false;
    }
    if (request.method == "HEAD") {
      return true;
    }
    const std::string_view body(response.body);
    switch (response.then) {
      case Then::cut:
        send_all(fd, body.substr(0, response.cut_after));
        return false;
      case Then::stall:
        send_all(fd, body.substr(0, response.cut_after));
        stay_silent();
        return false;
      case Then::endless:
        while (send_all(fd, body)) {
        }
        return false;
      case Then::close:
        send_all(fd, body);
        return false;
      case Then::keep_open:
      case Then::without_answer:
      case Then::never_answer:
        break;
    }
    return send_all(fd, body);
  }
};

ImposterOrigin::ImposterOrigin()
    : impl_(std::make_unique<Impl>()) {
  impl_->listener = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(impl_->listener.get(), generic, sizeof address) != 0 ||
      ::listen(impl_->listener.get(), 256) != 0 ||
      ::getsockname(impl_->listener.get(), generic, &length) != 0) {
    throw std::runtime_error("the imposter origin can't listen on loopback");
  }
  impl_->port = ntohs(address.sin_port);
  impl_->accepting = std::thread([this] { impl_->accept_loop(); });
}

ImposterOrigin::~ImposterOrigin() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop.request_stop();
    for (const int fd : impl_->open_fds) {
      ::shutdown(fd, SHUT_RDWR);
    }
    ::shutdown(impl_->listener.get(), SHUT_RDWR);
    threads.swap(impl_->threads);
  }
  impl_->accepting.join();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

std::uint16_t ImposterOrigin::port() const {
  return impl_->port;
}

std::string ImposterOrigin::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(impl_->port) + std::string(path);
}

void ImposterOrigin::serve(std::string path, std::string bytes) {
  on(std::move(path), [bytes = std::move(bytes)](const OriginRequest& request) {
    return good_file(request, bytes);
  });
}

void ImposterOrigin::script(std::string path, std::vector<OriginResponse> answers) {
  auto next = std::make_shared<std::atomic<std::size_t>>(0);
  on(std::move(path), [answers = std::move(answers), next](const OriginRequest&) {
    return answers[std::min(next->fetch_add(1), answers.size() - 1)];
  });
}

void ImposterOrigin::on(std::string path, Handler handler) {
  const std::lock_guard lock(impl_->mutex);
  impl_->handlers[std::move(path)] = std::move(handler);
}

void ImposterOrigin::on_any(Handler handler) {
  const std::lock_guard lock(impl_->mutex);
  impl_->any = std::move(handler);
}

std::size_t ImposterOrigin::requests(std::string_view path) const {
  const std::lock_guard lock(impl_->mutex);
  std::size_t count = 0;
  for (const OriginRequest& request : impl_->log) {
    count += request.target.substr(0, request.target.find('?')) == path ? 1U : 0U;
  }
  return count;
}

std::size_t ImposterOrigin::total_requests() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->log.size();
}

std::size_t ImposterOrigin::connections() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->connection_count;
}

std::vector<OriginRequest> ImposterOrigin::log() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->log;
}

OriginResponse good_file(const OriginRequest& request, const std::string& bytes) {
  OriginResponse response{.body = bytes};
  response.headers["ETag"] = "\"" + std::to_string(std::hash<std::string>{}(bytes)) + "\"";
  response.headers["Accept-Ranges"] = "bytes";
  const auto range = request.headers.find("range");
  const auto condition = request.headers.find("if-range");
  const bool same =
      condition == request.headers.end() || condition->second == response.headers["ETag"];
  if (range != request.headers.end() && range->second.starts_with("bytes=") && same) {
    const std::size_t start = std::strtoul(range->second.c_str() + 6, nullptr, 10);
    if (start >= bytes.size()) {
      return answer(416);
    }
    response.status = 206;
    response.headers["Content-Range"] = "bytes " + std::to_string(start) + "-" +
                                        std::to_string(bytes.size() - 1) + "/" +
                                        std::to_string(bytes.size());
    response.body = bytes.substr(start);
  }
  return response;
}

OriginResponse redirect_to(std::string location, int status) {
  return {.status = status, .headers = {{"Location", std::move(location)}}};
}

OriginResponse answer(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}

}  // namespace athanor::test
