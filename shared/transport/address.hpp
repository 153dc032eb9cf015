#pragma once

#include "shared/base/result.hpp"
#include "shared/transport/endpoint.hpp"

namespace athanor::transport {

enum class Side { bind, connect };

// Whether the options' endpoint may be used as they say. rejected or invalid, with words, if not.
Result<void> check_address(const SocketOptions& options, Side side);

// Whether what goes over the endpoint is encrypted: it has keys and isn't ipc://.
bool is_encrypted(const SocketOptions& options);

}  // namespace athanor::transport
