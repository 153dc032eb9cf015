#include "coordinator/doctor/transport_probe.hpp"

#include "shared/base/strings.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/path_text.hpp"
#include "shared/transport/keys.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace athanor::coordinator {
namespace {

constexpr const char* k_area = "transport";
constexpr int k_patience_ms = 3'000;

// errno of connecting; 0 if somebody listens.
int connect_to(int family, const sockaddr* address, socklen_t length) {
  const Fd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) {
    return errno;
  }
  if (::connect(socket.get(), address, length) == 0) {
    return 0;
  }
  if (errno != EINPROGRESS) {
    return errno;
  }
  pollfd waiting{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  const int ready = ::poll(&waiting, 1, k_patience_ms);
  if (ready <= 0) {
    return ready == 0 ? ETIMEDOUT : errno;
  }
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void judge(Findings& findings, const std::string& endpoint, int error) {
  if (error == 0) {
    findings.ok(k_area, "endpoint", "somebody listens at " + endpoint);
  } else if (error == ECONNREFUSED || error == ENOENT) {
    findings.fail(k_area, "endpoint", "nobody listens at " + endpoint,
                  "start the coordinator there, or correct host and port");
  } else {
    findings.fail(k_area, "endpoint",
                  endpoint + " can't be reached: " + std::string(std::strerror(error)),
                  "is a firewall in between? The coordinator's port must be open to workers");
  }
}

void look_at_tcp(Findings& findings, const std::string& endpoint) {
  const std::string rest = endpoint.substr(std::string_view("tcp://").size());
  const std::size_t colon = rest.rfind(':');
  std::string host = rest.substr(0, colon);
  if (colon == std::string::npos || host.empty()) {
    findings.fail(k_area, "endpoint", endpoint + " names no port", "it looks like tcp://host:5670");
    return;
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int wrong = ::getaddrinfo(host.c_str(), rest.substr(colon + 1).c_str(), &hints, &found);
  if (wrong != 0) {
    findings.fail(k_area, "endpoint",
                  "the host of " + endpoint + " isn't known: " + ::gai_strerror(wrong),
                  "correct the name, or ask whoever runs the name service");
    return;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    error = connect_to(address->ai_family, address->ai_addr, address->ai_addrlen);
    if (error == 0) {
      break;
    }
  }
  judge(findings, endpoint, error);
}

void look_at_ipc(Findings& findings, const std::string& endpoint) {
  const std::filesystem::path path = endpoint.substr(std::string_view("ipc://").size());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof address.sun_path) {
    findings.fail(k_area, "endpoint",
                  "the path of " + endpoint + " is longer than a socket's may be",
                  "choose a shorter one");
    return;
  }
  std::memcpy(address.sun_path, path.c_str(), path.string().size());
  struct stat facts {};
  if (::stat(path.parent_path().c_str(), &facts) == 0 && (facts.st_mode & S_IRWXO) != 0) {
    findings.warn(k_area, "endpoint-directory",
                  quoted(path.parent_path()) + " is open to other users",
                  "chmod 700 keeps them from joining as workers");
  }
  // The kernel's own API: every kind of address is passed as the general one.
  judge(findings, endpoint,
        connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

}  // namespace

void look_at_transport(Findings& findings, const TransportPlace& place) {
  if (!transport::make_key_pair()) {
    findings.fail(k_area, "encryption", "this machine's ZeroMQ can't encrypt",
                  "install a libzmq with CURVE (Debian's has it)");
  } else {
    findings.ok(k_area, "encryption", "ZeroMQ can encrypt");
  }
  if (!place.key_file.empty()) {
    if (const auto keys = transport::read_secret_key(place.key_file)) {
      findings.ok(k_area, "key", "the public half of the key is " + keys->public_key);
    } else {
      findings.fail(k_area, "key", keys.error(), "`athanor keys new NAME` makes a pair");
    }
  }
  if (!place.server_key.empty()) {
    if (const auto key = transport::resolve_public_key(place.server_key)) {
      findings.ok(k_area, "server-key", "the coordinator must have the key " + *key);
    } else {
      findings.fail(k_area, "server-key", key.error(), "name the coordinator's NAME.public file");
    }
  }
  for (const std::string& endpoint : place.endpoints) {
    const std::string shown = printable(endpoint, 200);
    if (endpoint.starts_with("tcp://")) {
      look_at_tcp(findings, shown);
    } else if (endpoint.starts_with("ipc://")) {
      look_at_ipc(findings, shown);
    } else {
      findings.fail(k_area, "endpoint", shown + " is no endpoint",
                    "it looks like tcp://host:5670 or ipc:///path");
    }
  }
}

}  // namespace athanor::coordinator
