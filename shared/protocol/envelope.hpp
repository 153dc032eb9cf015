#pragma once

#include "shared/base/check.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/result.hpp"
#include "shared/base/units.hpp"
#include "shared/protocol/codec.hpp"
#include "shared/protocol/reader.hpp"
#include "shared/protocol/version.hpp"
#include "shared/protocol/writer.hpp"

#include <array>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

// Header and body of a message, the same for every family of messages; only the codecs include it.
namespace athanor::protocol {

inline constexpr std::string_view k_magic = "ATHN";
inline constexpr std::size_t k_header_bytes = 6;

// A closed set of messages. A message's number in the header is its place in the variant, counted
// from `first_type`; numbers are never used again. Timeless messages can be read in every version:
// they are how peers find that they share none.
template <typename Messages>
struct Family {
  std::size_t first_type = 1;
  std::array<std::string_view, std::variant_size_v<Messages>> names;
  bool (*is_timeless)(std::size_t index) = nullptr;
};

template <typename Messages, typename T>
constexpr std::size_t index_of() {
  return Messages(T{}).index();
}

inline Error broken(std::string what) {
  return make_error(ErrorKind::corrupt, "not a message: " + std::move(what));
}

// The empty message of an index; absent if there is no such one.
template <typename Messages, std::size_t Index = 0>
std::optional<Messages> message_at(std::size_t index) {
  if constexpr (Index < std::variant_size_v<Messages>) {
    return index == Index ? Messages(std::in_place_index<Index>)
                          : message_at<Messages, Index + 1>(index);
  } else {
    return std::nullopt;
  }
}

template <typename Messages>
Result<std::size_t> type_index(const Family<Messages>& family, std::string_view header) {
  if (header.size() < k_header_bytes || header.size() > 64 || !header.starts_with(k_magic)) {
    return broken("the header has the wrong size or magic");
  }
  const auto version = static_cast<unsigned char>(header[4]);
  if (version == 0) {
    return broken("the header has version 0");
  }
  const std::size_t type = static_cast<unsigned char>(header[5]);
  const bool known = type >= family.first_type && type < family.first_type + family.names.size();
  if (!known || (version > k_version_max && !family.is_timeless(type - family.first_type))) {
    return make_error(ErrorKind::unsupported, "message type " + std::to_string(type) +
                                                  " of protocol version " +
                                                  std::to_string(version) + " is unknown");
  }
  return type - family.first_type;
}

inline bool refer_to_buffer(msgpack::type::object_type /*type*/, std::size_t /*size*/,
                            void* /*user*/) {
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
                                      limits::k_message_string_bytes, limits::k_message_bytes_field,
                                      0, limits::k_message_depth);
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

template <typename Messages>
Result<Frames> encode_message(const Family<Messages>& family, const Messages& message) {
  const std::string name(family.names[message.index()]);
  StringStream out;
  Writer writer(out);
  std::visit([&](const auto& value) { writer.map(value); }, message);
  if (writer.problem()) {
    return make_error(ErrorKind::invalid,
                      name + ": " + *writer.problem() + " by the protocol's limits");
  }
  if (out.bytes.size() > limits::k_message_bytes) {
    return make_error(ErrorKind::invalid,
                      name + ": the message is larger than " + human_size(limits::k_message_bytes));
  }
  std::string header(k_magic);
  header += static_cast<char>(k_version_min);
  header += static_cast<char>(message.index() + family.first_type);
  return Frames{.header = std::move(header), .body = std::move(out.bytes)};
}

template <typename Messages>
Result<Messages> decode_message(const Family<Messages>& family, std::string_view header,
                                std::string_view body) {
  ATHANOR_ASSIGN(const std::size_t index, type_index(family, header));
  std::optional<Messages> message = message_at<Messages>(index);
  ATHANOR_CHECK(message.has_value());
  Reader reader;
  ATHANOR_TRY(unpack(body, [&](const msgpack::object& object) {
    std::visit([&](auto& value) { reader.map(object, value); }, *message);
  }));
  if (reader.problem()) {
    return broken(std::string(family.names[index]) + ": " + *reader.problem());
  }
  return std::move(*message);
}

}  // namespace athanor::protocol
