#pragma once

#include "shared/protocol/messages.hpp"

#include <string>
#include <utility>
#include <vector>

namespace athanor::protocol::test {

// One message of each type with every field set, and of some types one with as little as may be.
std::vector<std::pair<std::string, Message>> sample_messages();

JobSpec sample_spec();
SolveRequest sample_request();
SolveSuccess sample_solution();

}  // namespace athanor::protocol::test
