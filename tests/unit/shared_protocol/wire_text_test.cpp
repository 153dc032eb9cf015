#include "tests/unit/shared_protocol/wire_text.hpp"

#include "shared/base/strings.hpp"

#include <cstdint>
#include <stdexcept>

namespace athanor::protocol::test {
namespace {

class Printer {
 public:
  explicit Printer(std::string_view body)
      : rest_(body) {}

  void value(int depth) {
    const std::uint64_t tag = number(1);
    if (tag <= 0x7f) {
      out += std::to_string(tag);
    } else if (tag <= 0x8f) {
      items(tag & 0x0fU, depth, true);
    } else if (tag <= 0x9f) {
      items(tag & 0x0fU, depth, false);
    } else if (tag <= 0xbf) {
      text(take(tag & 0x1fU));
    } else if (tag == 0xc2 || tag == 0xc3) {
      out += tag == 0xc3 ? "true" : "false";
    } else if (tag == 0xc4) {
      const std::string_view bytes = take(number(1));
      out +=
          "\"bin:" + to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}) +
          "\"";
    } else if (tag >= 0xcc && tag <= 0xcf) {
      out += std::to_string(number(std::size_t{1} << (tag - 0xcc)));
    } else if (tag == 0xd9 || tag == 0xda) {
      text(take(number(tag == 0xd9 ? 1 : 2)));
    } else if (tag == 0xdc || tag == 0xde) {
      items(number(2), depth, tag == 0xde);
    } else {
      throw std::runtime_error("unexpected tag " + std::to_string(tag));
    }
  }

  bool at_end() const { return rest_.empty(); }
  std::string out;

 private:
  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) {
      throw std::runtime_error("truncated");
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t result = 0;
    for (const char byte : take(bytes)) {
      result = (result << 8U) | static_cast<std::uint8_t>(byte);
    }
    return result;
  }
  void text(std::string_view bytes) { out += "\"" + std::string(bytes) + "\""; }
  void items(std::uint64_t count, int depth, bool is_map) {
    out += is_map ? "{" : "[";
    for (std::uint64_t i = 0; i < count; ++i) {
      out += (i == 0 ? "\n" : ",\n") + std::string(static_cast<std::size_t>(depth) * 2 + 2, ' ');
      value(depth + 1);
      if (is_map) {
        out += ": ";
        value(depth + 1);
      }
    }
    out += count == 0 ? "" : "\n" + std::string(static_cast<std::size_t>(depth) * 2, ' ');
    out += is_map ? "}" : "]";
  }

  std::string_view rest_;
};

}  // namespace

std::string wire_text(std::string_view body) {
  Printer printer(body);
  printer.value(0);
  if (!printer.at_end()) {
    throw std::runtime_error("bytes follow the value");
  }
  return printer.out + "\n";
}

}  // namespace athanor::protocol::test
