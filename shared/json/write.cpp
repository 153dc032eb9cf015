#include "shared/base/check.hpp"
#include "shared/json/json.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace athanor {
namespace {

constexpr char32_t k_replacement = 0xFFFD;

// The code point that begins the text, which must not be empty, and its length; the replacement
// character and 1 where the bytes aren't UTF-8.
std::pair<char32_t, std::size_t> decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (length == 1) {
    return {lead, 1};
  }
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) {
    return {k_replacement, 1};
  }
  char32_t code = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) {
      return {k_replacement, 1};
    }
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return overlong || surrogate || code > 0x10ffff ? std::pair{k_replacement, std::size_t{1}}
                                                  : std::pair{code, length};
}

void append_escape(std::string& out, unsigned unit) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    out += k_digits[(unit >> shift) & 0xfU];
  }
}

bool append_short_escape(std::string& out, char32_t code) {
  constexpr std::string_view k_characters = "\"\\\b\f\n\r\t";
  constexpr std::string_view k_letters = "\"\\bfnrt";
  const std::size_t found =
      code < 0x80 ? k_characters.find(static_cast<char>(code)) : std::string_view::npos;
  if (found == std::string_view::npos) {
    return false;
  }
  out += '\\';
  out += k_letters[found];
  return true;
}

void append_string(std::string& out, std::string_view text, bool ascii_only) {
  out += '"';
  while (!text.empty()) {
    const auto [code, length] = decode(text);
    if (append_short_escape(out, code)) {
      // Done.
    } else if (code >= 0x20 && code < 0x7f) {
      out += static_cast<char>(code);
    } else if (code < 0x20) {
      append_escape(out, code);
    } else if (!ascii_only) {
      // A replaced byte is written as the replacement character's three bytes.
      out += code == k_replacement ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
    } else if (code < 0x10000) {
      append_escape(out, code);
    } else {
      append_escape(out, 0xd800U + ((code - 0x10000U) >> 10U));
      append_escape(out, 0xdc00U + ((code - 0x10000U) & 0x3ffU));
    }
    text.remove_prefix(length);
  }
  out += '"';
}

// As Python's repr(float): the shortest digits that read back the same, positional between 1e-4 and
// 1e16, always with a point or an exponent of at least two digits.
void append_double(std::string& out, double value) {
  ATHANOR_CHECK(std::isfinite(value));
  std::array<char, 64> buffer{};
  const double size = std::fabs(value);
  const bool positional = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                    positional ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view digits(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  out += digits;
  if (positional && digits.find('.') == std::string_view::npos) {
    out += ".0";
  }
}

}  // namespace

// Writes values in the spelling that its fields describe.
struct JsonWriter {
  std::string& out;
  std::string_view comma;
  std::string_view colon;
  bool ascii_only = false;
  std::size_t indent = 0;  // blanks per level; 0: all in one line
  std::size_t level = 0;

  void write(const Json& json) {
    if (json.is_null()) {
      out += "null";
    } else if (const auto boolean = json.as_bool()) {
      out += *boolean ? "true" : "false";
    } else if (const auto* text = json.as_string()) {
      append_string(out, *text, ascii_only);
    } else if (const auto* items = json.as_array()) {
      write_array(*items);
    } else if (const auto* members = json.as_object()) {
      write_object(*members);
    } else if (const auto* real = std::get_if<double>(&json.value_)) {
      append_double(out, *real);
    } else if (const auto* natural = std::get_if<std::uint64_t>(&json.value_)) {
      out += std::to_string(*natural);
    } else {
      out += std::to_string(std::get<std::int64_t>(json.value_));
    }
  }

 private:
  void write_array(const Json::Array& items) {
    out += '[';
    ++level;
    bool first = true;
    for (const Json& item : items) {
      separate(first);
      write(item);
      first = false;
    }
    close(items.empty(), ']');
  }

  void write_object(const Json::Object& members) {
    out += '{';
    ++level;
    bool first = true;
    for (const Json::Member& member : members) {
      separate(first);
      append_string(out, member.key, ascii_only);
      out += colon;
      write(member.value);
      first = false;
    }
    close(members.empty(), '}');
  }

  void separate(bool first) {
    if (!first) {
      out += comma;
    }
    if (indent > 0) {
      out += '\n';
      out.append(level * indent, ' ');
    }
  }

  void close(bool empty, char bracket) {
    --level;
    if (indent > 0 && !empty) {
      out += '\n';
      out.append(level * indent, ' ');
    }
    out += bracket;
  }
};

std::string dump_json(const Json& value) {
  std::string out;
  JsonWriter{.out = out, .comma = ",", .colon = ":"}.write(value);
  return out;
}

std::string dump_json_pretty(const Json& value) {
  std::string out;
  JsonWriter{.out = out, .comma = ",", .colon = ": ", .indent = 2}.write(value);
  out += '\n';
  return out;
}

std::string python_dump(const Json& value) {
  std::string out;
  JsonWriter{.out = out, .comma = ", ", .colon = ": ", .ascii_only = true}.write(value);
  return out;
}

}  // namespace athanor
