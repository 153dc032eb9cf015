#include "shared/config/toml.hpp"

#include "shared/base/strings.hpp"

#include <toml++/toml.h>

#include <exception>
#include <sstream>
#include <string>

namespace athanor::config {

namespace {

Result<Json> convert(const toml::node& node, std::string_view file);

std::string at(std::string_view file, const toml::source_position& position) {
  return std::string(file) + ":" + std::to_string(position.line);
}

Result<Json> convert_table(const toml::table& table, std::string_view file) {
  Json object = Json::object();
  for (const auto& [key, node] : table) {
    ATHANOR_ASSIGN(Json value, convert(node, file));
    object.set(std::string(key.str()), std::move(value));
  }
  return object;
}

Result<Json> convert_array(const toml::array& array, std::string_view file) {
  Json list = Json::array();
  for (const toml::node& node : array) {
    ATHANOR_ASSIGN(Json value, convert(node, file));
    list.push_back(std::move(value));
  }
  return list;
}

Result<Json> convert_scalar(const toml::node& node, std::string_view file) {
  if (const auto text = node.value_exact<std::string>()) {
    return Json(*text);
  }
  if (const auto flag = node.value_exact<bool>()) {
    return Json(*flag);
  }
  if (const auto number = node.value_exact<std::int64_t>()) {
    return Json(*number);
  }
  if (const auto number = node.value_exact<double>()) {
    return Json(*number);
  }
  return make_error(ErrorKind::invalid,
                    at(file, node.source().begin) + ": dates and times are not used here",
                    "put the value in quotes");
}

// The parser bounds the depth of nesting (256), so the recursion is bounded, too.
Result<Json> convert(const toml::node& node, std::string_view file) {
  Result<Json> value = Json();
  if (const toml::table* table = node.as_table()) {
    value = convert_table(*table, file);
  } else if (const toml::array* array = node.as_array()) {
    value = convert_array(*array, file);
  } else {
    value = convert_scalar(node, file);
  }
  if (value) {
    value->set_line(node.source().begin.line);
  }
  return value;
}

void spell_string(std::string& out, std::string_view text) {
  constexpr std::string_view k_digits = "0123456789ABCDEF";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += k_digits[byte >> 4U];
      out += k_digits[byte & 0xfU];
    } else {
      out += c;
    }
  }
  out += '"';
}

void spell(std::string& out, const Json& value) {
  bool first = true;
  if (const std::string* text = value.as_string()) {
    spell_string(out, *text);
  } else if (const Json::Array* items = value.as_array()) {
    out += '[';
    for (const Json& item : *items) {
      out += first ? "" : ", ";
      first = false;
      spell(out, item);
    }
    out += ']';
  } else if (const Json::Object* members = value.as_object()) {
    out += '{';
    for (const Json::Member& member : *members) {
      out += first ? " " : ", ";
      first = false;
      spell_string(out, member.key);
      out += " = ";
      spell(out, member.value);
    }
    out += first ? "}" : " }";
  } else {
    out += dump_json(value);
  }
}

}  // namespace

Result<Json> parse_toml(std::string_view text, std::string_view file) {
  try {
    const toml::table table = toml::parse(text, file);
    return convert_table(table, file);
  } catch (const toml::parse_error& error) {
    return make_error(ErrorKind::invalid,
                      at(file, error.source().begin) + ": " + printable(error.description()));
  } catch (const std::exception& error) {
    return make_error(ErrorKind::invalid, std::string(file) + ": " + error.what());
  }
}

std::string spell_toml(const Json& value) {
  std::string text;
  spell(text, value);
  return text;
}

}  // namespace athanor::config
