#pragma once

#include "shared/base/result.hpp"
#include "shared/protocol/messages.hpp"

#include <string>
#include <string_view>

namespace athanor::protocol {

// A message as it travels: two frames of one ZeroMQ message. The header says what the body is
// before anything of the body is looked at.
struct Frames {
  std::string header;  // magic "ATHN", version, type: 6 bytes
  std::string body;    // one MessagePack map
};

// "hello", "renew", ...: stable names for logs and metrics.
std::string_view type_name(const Message& message);

// Checks every field against the rules of fields.hpp, then encodes. `invalid`: a field or the whole
// message is outside the protocol's limits; the text names the field. Texts for people are clipped,
// not refused. Thread-safe.
Result<Frames> encode(const Message& message);

// The message, or why these bytes are none. Memory is bounded by the limits of limits.hpp before
// anything is allocated; every value is checked. Thread-safe.
//   unsupported: a message type or version that this program doesn't know. The peer may be newer:
//                ignore the message.
//   corrupt:     anything else: the peer breaks the protocol.
Result<Message> decode(std::string_view header, std::string_view body);

}  // namespace athanor::protocol
