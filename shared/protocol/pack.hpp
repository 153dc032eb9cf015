#pragma once

#include "shared/base/result.hpp"
#include "shared/protocol/solve.hpp"

#include <string>
#include <string_view>

// Values of the protocol by themselves, encoded as they are within messages: for identities, for
// the journal, for caches.
namespace athanor::protocol {

// Deterministic. What breaks the protocol's limits is packed all the same; sending refuses it.
std::string pack(const SolveRequest& request);
std::string pack(const SolveSuccess& success);

// corrupt: the bytes are none, or break the protocol's limits.
Result<SolveRequest> unpack_solve_request(std::string_view bytes);
Result<SolveSuccess> unpack_solve_success(std::string_view bytes);

}  // namespace athanor::protocol
