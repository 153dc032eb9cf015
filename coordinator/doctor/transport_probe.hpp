#pragma once

#include "coordinator/doctor/finding.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace athanor::coordinator {

// How workers and coordinator find each other, as it is told to `athanor-worker` and `athanor
// serve`. Empty parts aren't looked at.
struct TransportPlace {
  std::vector<std::string> endpoints{};  // "tcp://host:port", "ipc:///path"
  std::string key_file{};                // this end's secret key
  std::string server_key{};              // the other end's public key, or the file it is in
};

// Looks at keys (form, permissions), and whether somebody listens at each endpoint: a connection is
// opened and closed again, nothing is said over it.
void look_at_transport(Findings& findings, const TransportPlace& place);

}  // namespace athanor::coordinator
