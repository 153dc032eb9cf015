#include "worker/solve/msgpack_reader.hpp"

namespace athanor::worker::solve {

void MsgpackReader::fail() {
  good_ = false;
  rest_ = {};
}

MsgpackReader::Kind MsgpackReader::kind() const {
  if (rest_.empty()) {
    return Kind::nothing;
  }
  const std::uint8_t type = next();
  if (type < 0x80 || type >= 0xe0 || (type >= 0xcc && type <= 0xd3)) {
    return Kind::number;
  }
  if (type < 0x90 || type == 0xde || type == 0xdf) {
    return Kind::map;
  }
  if (type < 0xa0 || type == 0xdc || type == 0xdd) {
    return Kind::array;
  }
  if (type < 0xc0 || (type >= 0xd9 && type <= 0xdb)) {
    return Kind::text;
  }
  if (type >= 0xc4 && type <= 0xc6) {
    return Kind::bytes;
  }
  if (type == 0xca || type == 0xcb) {
    return Kind::real;
  }
  return type == 0xc2 || type == 0xc3 ? Kind::boolean : type == 0xc0 ? Kind::nothing : Kind::other;
}

std::uint64_t MsgpackReader::take(std::size_t bytes) {
  std::uint64_t value = 0;
  for (const char c : raw(bytes)) {
    value = value << 8U | static_cast<std::uint8_t>(c);
  }
  return value;
}

std::string_view MsgpackReader::raw(std::size_t bytes) {
  if (bytes > rest_.size()) {
    fail();
    return {};
  }
  const std::string_view taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

// Of a container: within its type byte, or in the two or four bytes behind it.
std::size_t MsgpackReader::count(std::uint8_t fixed, std::uint8_t fixed_mask,
                                 std::uint8_t two_bytes, std::size_t least_bytes) {
  const auto type = static_cast<std::uint8_t>(take(1));
  std::uint64_t value = 0;
  if (type == two_bytes || type == two_bytes + 1) {
    value = take(type == two_bytes ? 2 : 4);
  } else if ((type & static_cast<std::uint8_t>(~fixed_mask)) == fixed) {
    value = type & fixed_mask;
  } else {
    fail();
  }
  if (value > rest_.size() / least_bytes) {
    fail();
    return 0;
  }
  return value;
}

std::size_t MsgpackReader::array() {
  return kind() == Kind::array ? count(0x90, 0x0f, 0xdc, 1) : (fail(), std::size_t{0});
}

std::size_t MsgpackReader::map() {
  return kind() == Kind::map ? count(0x80, 0x0f, 0xde, 2) : (fail(), std::size_t{0});
}

std::string_view MsgpackReader::text() {
  const Kind is = kind();
  if (is != Kind::text && is != Kind::bytes) {
    fail();
    return {};
  }
  const auto type = static_cast<std::uint8_t>(take(1));
  if (type < 0xc0) {
    return raw(type & 0x1fU);
  }
  const unsigned width = is == Kind::text ? type - 0xd9U : type - 0xc4U;  // 0, 1, 2
  return raw(take(std::size_t{1} << width));
}

std::uint64_t MsgpackReader::number() {
  if (kind() != Kind::number) {
    fail();
    return 0;
  }
  const auto type = static_cast<std::uint8_t>(take(1));
  if (type < 0x80) {
    return type;
  }
  if (type >= 0xe0) {
    return 0;
  }
  if (type <= 0xcf) {
    return take(std::size_t{1} << (type - 0xccU));
  }
  const std::size_t bytes = std::size_t{1} << (type - 0xd0U);
  const std::uint64_t value = take(bytes);
  return (value >> (bytes * 8 - 1)) != 0 ? 0 : value;
}

// The value's own bytes; how many values follow that belong to it.
std::size_t MsgpackReader::skip_one() {
  switch (kind()) {
    case Kind::array:
      return array();
    case Kind::map:
      return 2 * map();
    case Kind::text:
    case Kind::bytes:
      text();
      return 0;
    case Kind::number:
      number();
      return 0;
    case Kind::real:
      take(take(1) == 0xca ? 4 : 8);
      return 0;
    case Kind::nothing:
    case Kind::boolean:
      take(1);
      return 0;
    case Kind::other:
      break;
  }
  const auto type = static_cast<std::uint8_t>(take(1));
  if (type >= 0xd4 && type <= 0xd8) {
    raw(1 + (std::size_t{1} << (type - 0xd4U)));
  } else if (type >= 0xc7 && type <= 0xc9) {
    const std::uint64_t size = take(std::size_t{1} << (type - 0xc7U));
    take(1);
    raw(size);
  } else {
    fail();
  }
  return 0;
}

void MsgpackReader::skip() {
  // Every value takes at least a byte, so the loop ends with the document.
  for (std::size_t left = 1; left != 0 && good_; --left) {
    left += skip_one();
  }
}

}  // namespace athanor::worker::solve
