#pragma once

#include "shared/os/fd.hpp"
#include "shared/os/process.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace athanor::test {

// A port on loopback that nobody listened on a moment ago.
std::uint16_t free_port();

// A script of tests/support/servers: it starts a real server, prints READY, and stops when its
// standard input ends, which it also does if the test is killed. A server that doesn't start within
// two minutes is a failure (an exception), never a skip.
class ServerProcess {
 public:
  ServerProcess(const std::string& script, std::vector<std::string> arguments);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Sends a signal to the script.
  void signal(int number) { child_->signal(number); }

 private:
  Fd stdin_;
  std::optional<ChildProcess> child_;
};

}  // namespace athanor::test
