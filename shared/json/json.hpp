#pragma once

#include "shared/base/limits.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace athanor {

// A JSON value: null, boolean, integer (64 bits, signed or unsigned), double, string, array,
// object. Objects keep the order of their members, because documents that we write must be
// byte-exact. A value remembers the line of the text that it was read from, for messages. Not
// thread-safe.
class Json {
 public:
  struct Member;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;

  // Defined where Member is complete, which the compilers need for destroying a vector of it.
  Json();  // null
  ~Json();
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;

  Json(std::nullptr_t);          // NOLINT(*-explicit-*)
  Json(bool value);              // NOLINT(*-explicit-*)
  Json(int value);               // NOLINT(*-explicit-*)
  Json(std::int64_t value);      // NOLINT(*-explicit-*)
  Json(std::uint64_t value);     // NOLINT(*-explicit-*)
  Json(double value);            // NOLINT(*-explicit-*)
  Json(std::string value);       // NOLINT(*-explicit-*)
  Json(std::string_view value);  // NOLINT(*-explicit-*)
  Json(const char* value);       // NOLINT(*-explicit-*)
  Json(Array items);             // NOLINT(*-explicit-*)
  // An empty array or object. An object may also be made at once:
  // Json::object({{"a", 1}, {"b", Json::array()}}).
  static Json array();
  static Json object();
  static Json object(Object members);

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  bool is_number() const;
  // "null", "a boolean", "a number", "a string", "a list", "an object": for messages.
  std::string_view type_name() const;

  // The value if it is of that type (and, for numbers, fits); nothing otherwise.
  std::optional<bool> as_bool() const;
  std::optional<std::int64_t> as_int() const;
  std::optional<std::uint64_t> as_uint() const;
  std::optional<double> as_double() const;
  const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  const Array* as_array() const { return std::get_if<Array>(&value_); }
  const Object* as_object() const { return std::get_if<Object>(&value_); }
  Array* as_array() { return std::get_if<Array>(&value_); }
  Object* as_object() { return std::get_if<Object>(&value_); }

  // The member of that name; null pointer if there is none or this isn't an object.
  const Json* find(std::string_view key) const;
  Json* find(std::string_view key);
  // Sets a member of an object (a null becomes an object first): replaces in place, else appends.
  // Takes time linear in the number of members. Returns the object, so that calls can be chained.
  Json& set(std::string key, Json value);
  // Appends to an array (a null becomes an array first).
  Json& push_back(Json value);
  // Items, members; 0 for anything else.
  std::size_t size() const;

  // 1-based line of the text where the value stood; 0 if it was not read from text.
  std::uint32_t line() const { return line_; }
  void set_line(std::uint32_t line) { line_ = line; }

  // By value; objects are equal only if their members also have the same order.
  friend bool operator==(const Json& a, const Json& b);

 private:
  friend struct JsonWriter;

  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array,
               Object>
      value_;
  std::uint32_t line_ = 0;
};

struct Json::Member {
  std::string key;
  Json value;

  friend bool operator==(const Member& a, const Member& b) {
    return a.key == b.key && a.value == b.value;
  }
};

struct JsonLimits {
  std::uint64_t bytes = limits::k_small_document_bytes;
  std::size_t depth = limits::k_input_depth;
  std::size_t nodes = limits::k_input_nodes / 4;  // a node costs about 50 bytes of memory
};

// The document, which is one value of RFC 8259 in UTF-8 (a byte order mark is skipped). Refused, as
// `invalid` with line and column: anything else, NUL bytes, integers beyond 64 bits, a name twice
// in one object (readers differ in which one they take), and, as `rejected`, what exceeds the
// limits.
Result<Json> parse_json(std::string_view text, const JsonLimits& bounds = {});

// One line without blanks; UTF-8 as it is, bytes that aren't UTF-8 as U+FFFD.
std::string dump_json(const Json& value);
// Indented by two blanks, with a final newline: for people.
std::string dump_json_pretty(const Json& value);
// Exactly what Python's json.dump(value) writes: separators ", " and ": ", everything but printable
// ASCII as \uXXXX (surrogate pairs beyond U+FFFF), order kept, no final newline.
std::string python_dump(const Json& value);

}  // namespace athanor
