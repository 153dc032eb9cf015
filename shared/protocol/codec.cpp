#include "shared/protocol/codec.hpp"

#include "shared/protocol/pack.hpp"
#include "shared/protocol/reader.hpp"
#include "shared/protocol/version.hpp"
#include "shared/protocol/writer.hpp"

#include <array>
#include <exception>
#include <new>

namespace athanor::protocol {
namespace {

constexpr std::string_view k_magic = "ATHN";
constexpr std::size_t k_header_bytes = 6;

// A message's number in the header is its place here, counted from 1. Numbers are never used again.
constexpr std::array<std::string_view, std::variant_size_v<Message>> k_type_names{
    "hello",  "renew", "report",     "release", "goodbye", "welcome",
    "reject", "grant", "report_ack", "revoke",  "pulse",   "drain"};

Error broken(std::string what) {
  return make_error(ErrorKind::corrupt, "not a message: " + std::move(what));
}

template <typename T>
std::string pack_value(const T& value) {
  StringStream out;
  Writer writer(out);
  writer.map(value);
  return std::move(out.bytes);
}

template <typename T>
std::size_t type_number() {
  return Message(T{}).index() + 1;
}

// The empty message of a type number; absent if there is no such type.
template <std::size_t Index = 0>
std::optional<Message> message_of_type(std::size_t index) {
  if constexpr (Index < std::variant_size_v<Message>) {
    return index == Index ? Message(std::in_place_index<Index>) : message_of_type<Index + 1>(index);
  } else {
    return std::nullopt;
  }
}

Result<std::size_t> type_index(std::string_view header) {
  if (header.size() < k_header_bytes || header.size() > 64 || !header.starts_with(k_magic)) {
    return broken("the header has the wrong size or magic");
  }
  const auto version = static_cast<unsigned char>(header[4]);
  if (version == 0) {
    return broken("the header has version 0");
  }
  const auto type = static_cast<unsigned char>(header[5]);
  // These two can be read in every version: they are how peers find that they share none.
  const bool timeless = type == type_number<Hello>() || type == type_number<Reject>();
  const bool known = type != 0 && type <= k_type_names.size();
  if (!known || (version > k_version_max && !timeless)) {
    return make_error(ErrorKind::unsupported, "message type " + std::to_string(type) +
                                                  " of protocol version " +
                                                  std::to_string(version) + " is unknown");
  }
  return std::size_t{type} - 1;
}

bool refer_to_buffer(msgpack::type::object_type /*type*/, std::size_t /*size*/, void* /*user*/) {
  return true;  // The body outlives the objects, so that strings need not be copied.
}

// Gives the unpacked body to `use`; what msgpack throws comes back as an Error.
template <typename Use>
Result<void> unpack(std::string_view body, const Use& use) {
  if (body.size() > limits::k_message_bytes) {
    return broken("the body is too large");
  }
  try {
    std::size_t offset = 0;
    const msgpack::unpack_limit limit(limits::k_message_array_items, limits::k_message_map_items,
                                      limits::k_message_string_bytes,
                                      limits::k_message_string_bytes, 0, limits::k_message_depth);
    bool referenced = false;
    const msgpack::object_handle handle = msgpack::unpack(
        body.data(), body.size(), offset, referenced, &refer_to_buffer, nullptr, limit);
    if (offset != body.size()) {
      return broken("bytes follow the body");
    }
    use(handle.get());
    return {};
  } catch (const msgpack::unpack_error& error) {
    return broken(std::string("MessagePack: ") + error.what());
  } catch (const std::bad_alloc&) {
    return broken("the body would need too much memory");
  } catch (const std::exception& error) {
    return broken(error.what());
  }
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
  return k_type_names[message.index()];
}

Result<Frames> encode(const Message& message) {
  StringStream out;
  Writer writer(out);
  std::visit([&](const auto& value) { writer.map(value); }, message);
  if (writer.problem()) {
    return make_error(ErrorKind::invalid, std::string(type_name(message)) + ": " +
                                              *writer.problem() + " by the protocol's limits");
  }
  if (out.bytes.size() > limits::k_message_bytes) {
    return make_error(ErrorKind::invalid, std::string(type_name(message)) +
                                              ": the message is larger than " +
                                              human_size(limits::k_message_bytes));
  }
  std::string header(k_magic);
  header += static_cast<char>(k_version_min);
  header += static_cast<char>(message.index() + 1);
  return Frames{.header = std::move(header), .body = std::move(out.bytes)};
}

Result<Message> decode(std::string_view header, std::string_view body) {
  ATHANOR_ASSIGN(const std::size_t index, type_index(header));
  std::optional<Message> message = message_of_type(index);
  ATHANOR_CHECK(message.has_value());
  Reader reader;
  ATHANOR_TRY(unpack(body, [&](const msgpack::object& object) {
    std::visit([&](auto& value) { reader.map(object, value); }, *message);
  }));
  if (reader.problem()) {
    return broken(std::string(k_type_names[index]) + ": " + *reader.problem());
  }
  return std::move(*message);
}

}  // namespace athanor::protocol
