#include "tests/support/server_process.hpp"

#include "tests/support/results.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace athanor::test {

std::uint16_t free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, sizeof address) != 0 ||
      ::getsockname(socket.get(), generic, &length) != 0) {
    throw std::runtime_error("no free port on loopback");
  }
  return ntohs(address.sin_port);
}

ServerProcess::ServerProcess(const std::string& script, std::vector<std::string> arguments) {
  int input[2];
  int output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe for a server");
  }
  const Fd child_input(input[0]);
  stdin_ = Fd(input[1]);
  const Fd from_child(output[0]);
  Fd child_output(output[1]);
  SpawnOptions options;
  options.program = std::string(ATHANOR_SOURCE_DIR) + "/tests/support/servers/" + script;
  options.arguments = std::move(arguments);
  options.stdin_fd = child_input.get();
  options.stdout_fd = child_output.get();
  child_ = must(ChildProcess::spawn(options));
  child_output.reset();
  std::string said;
  constexpr int k_start_milliseconds = 120'000;
  while (said.find("READY\n") == std::string::npos) {
    pollfd item{.fd = from_child.get(), .events = POLLIN, .revents = 0};
    char piece[256];
    const ssize_t got = ::poll(&item, 1, k_start_milliseconds) == 1
                            ? ::read(from_child.get(), piece, sizeof piece)
                            : 0;
    if (got <= 0) {
      child_->signal(SIGTERM);
      throw std::runtime_error("the server " + script + " did not start: " + said);
    }
    said.append(piece, static_cast<std::size_t>(got));
  }
}

ServerProcess::~ServerProcess() {
  stdin_.reset();
  if (child_ && !child_->wait_for(std::chrono::seconds(30))) {
    child_->signal(SIGKILL);
    child_->wait();
  }
}

}  // namespace athanor::test
