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

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host == "::1" || host.starts_with("127.");
}

}  // namespace

Result<void> check_address(std::string_view endpoint, Exposure exposure, Side side) {
  constexpr std::string_view k_ipc = "ipc://";
  constexpr std::string_view k_tcp = "tcp://";
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
  if (exposure == Exposure::local_only && !is_loopback(address.substr(0, colon))) {
    return make_error(ErrorKind::rejected,
                      "'" + printable(endpoint) + "' leaves this machine without encryption",
                      "use ipc:// or tcp://127.0.0.1");
  }
  return {};
}

}  // namespace athanor::transport
