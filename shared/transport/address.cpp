#include "shared/transport/address.hpp"

#include "shared/base/strings.hpp"
#include "shared/os/path_text.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

namespace athanor::transport {
namespace {

// A socket's file can be replaced by whoever may write to its directory.
Result<void> check_directory(const std::filesystem::path& path) {
  std::filesystem::path directory = path.parent_path();
  if (directory.empty()) {
    directory = ".";
  }
  struct stat status {};
  if (::lstat(directory.c_str(), &status) != 0) {
    return system_error(errno, "cannot use the socket directory " + quoted(directory));
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077U) != 0) {
    return make_error(ErrorKind::rejected,
                      "the socket directory " + quoted(directory) + " is open to others",
                      "use a directory of your own with mode 0700");
  }
  return {};
}

Result<void> check_ipc(std::string_view path, Side side) {
  if (path.empty() || path.front() == '@' || path.front() == '*') {
    return make_error(ErrorKind::invalid, "'ipc://" + printable(path) + "' names no file");
  }
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return make_error(ErrorKind::invalid,
                      "the socket path '" + printable(path) + "' is longer than " +
                          std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes",
                      "use a shorter directory");
  }
  return side == Side::bind ? check_directory(std::filesystem::path(path)) : Result<void>();
}

Result<void> check_keys(const EndpointSecurity& security, Side side) {
  if (!is_key(security.keys.public_key) || !is_key(security.keys.secret_key.reveal())) {
    return make_error(ErrorKind::invalid, "an encrypted endpoint needs a key pair of its own",
                      "make one with 'athanor keys new'");
  }
  if (side == Side::connect && !is_key(security.server_key)) {
    return make_error(ErrorKind::invalid, "the coordinator's public key is missing",
                      "without it, anybody could pretend to be the coordinator");
  }
  return {};
}

constexpr std::string_view k_ipc = "ipc://";
constexpr std::string_view k_tcp = "tcp://";

}  // namespace

bool is_encrypted(const SocketOptions& options) {
  return options.security && options.endpoint.starts_with(k_tcp);
}

Result<void> check_address(const SocketOptions& options, Side side) {
  const std::string_view endpoint = options.endpoint;
  if (endpoint.starts_with(k_ipc)) {
    return check_ipc(endpoint.substr(k_ipc.size()), side);
  }
  if (!endpoint.starts_with(k_tcp)) {
    return make_error(ErrorKind::invalid, "'" + printable(endpoint) + "' is no endpoint",
                      "use ipc:///path/to/socket or tcp://host:port");
  }
  const std::string_view address = endpoint.substr(k_tcp.size());
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == address.size()) {
    return make_error(ErrorKind::invalid, "'" + printable(endpoint) + "' has no host and port",
                      "write it as tcp://host:port");
  }
  if (options.security) {
    return check_keys(*options.security, side);
  }
  if (options.exposure == Exposure::local_only) {
    return make_error(ErrorKind::rejected,
                      "'" + printable(endpoint) +
                          "' would go without encryption: whoever can reach it, on this machine or "
                          "beyond, could read and forge everything",
                      "give keys ('athanor keys new' makes them), use ipc://, or say --insecure "
                      "where everybody who can reach it is trusted");
  }
  return {};
}

}  // namespace athanor::transport
