#include "shared/protocol/client_codec.hpp"

#include "shared/protocol/client_fields.hpp"
#include "shared/protocol/envelope.hpp"

#include <array>

namespace athanor::protocol {
namespace {

constexpr Family<ClientMessage> k_clients{
    .first_type = 65,
    .names = {"client_hello", "submit", "part", "ask", "command", "watch", "unwatch",
              "client_welcome", "refused", "credit", "answer", "failure", "events"},
    .is_timeless = [](std::size_t index) {
      return index == index_of<ClientMessage, ClientHello>() ||
             index == index_of<ClientMessage, Refused>();
    }};

}  // namespace

std::string_view disagreement(const ClientHello& hello) {
  return hello.protocol_min > hello.protocol_max ? "has an empty protocol range"
                                                 : std::string_view();
}

std::string_view type_name(const ClientMessage& message) {
  return k_clients.names[message.index()];
}

Result<Frames> encode(const ClientMessage& message) {
  return encode_message(k_clients, message);
}

Result<ClientMessage> decode_client(std::string_view header, std::string_view body) {
  return decode_message(k_clients, header, body);
}

}  // namespace athanor::protocol
