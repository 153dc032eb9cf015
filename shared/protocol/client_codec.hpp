#pragma once

#include "shared/base/result.hpp"
#include "shared/protocol/client_messages.hpp"
#include "shared/protocol/codec.hpp"

#include <string_view>

namespace athanor::protocol {

// As codec.hpp does it, for the clients' family. Message types don't overlap with the workers', so
// a worker that connects to the wrong socket is told so instead of being misunderstood.
std::string_view type_name(const ClientMessage& message);
Result<Frames> encode(const ClientMessage& message);
Result<ClientMessage> decode_client(std::string_view header, std::string_view body);

}  // namespace athanor::protocol
