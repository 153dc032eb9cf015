#include "shared/protocol/codec.hpp"

#include "shared/protocol/envelope.hpp"
#include "shared/protocol/pack.hpp"

namespace athanor::protocol {
namespace {

constexpr Family<Message> k_workers{
    .first_type = 1,
    .names = {"hello", "renew", "report", "release", "goodbye", "welcome", "reject", "grant",
              "report_ack", "revoke", "pulse", "drain", "retract"},
    .is_timeless = [](std::size_t index) {
      return index == index_of<Message, Hello>() || index == index_of<Message, Reject>();
    }};

template <typename T>
std::string pack_value(const T& value) {
  StringStream out;
  Writer writer(out);
  writer.map(value);
  return std::move(out.bytes);
}

template <typename T>
Result<T> unpack_value(std::string_view bytes) {
  T value;
  Reader reader;
  ATHANOR_TRY(unpack(bytes, [&](const msgpack::object& object) { reader.map(object, value); }));
  if (reader.problem()) {
    return broken(*reader.problem());
  }
  return value;
}

}  // namespace

std::string pack(const SolveRequest& request) {
  return pack_value(request);
}

std::string pack(const SolveSuccess& success) {
  return pack_value(success);
}

Result<SolveRequest> unpack_solve_request(std::string_view bytes) {
  return unpack_value<SolveRequest>(bytes);
}

Result<SolveSuccess> unpack_solve_success(std::string_view bytes) {
  return unpack_value<SolveSuccess>(bytes);
}

std::string_view type_name(const Message& message) {
  return k_workers.names[message.index()];
}

Result<Frames> encode(const Message& message) {
  return encode_message(k_workers, message);
}

Result<Message> decode(std::string_view header, std::string_view body) {
  return decode_message(k_workers, header, body);
}

}  // namespace athanor::protocol
