#include "shared/json/json.hpp"

#include "shared/base/check.hpp"

#include <limits>

namespace athanor {

Json::Json() = default;
Json::~Json() = default;
Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
Json& Json::operator=(Json&& other) noexcept = default;

Json::Json(std::nullptr_t) {}
Json::Json(bool value)
    : value_(value) {}
Json::Json(int value)
    : value_(std::int64_t{value}) {}
Json::Json(std::int64_t value)
    : value_(value) {}
Json::Json(std::uint64_t value)
    : value_(value) {}
Json::Json(double value)
    : value_(value) {}
Json::Json(std::string value)
    : value_(std::move(value)) {}
Json::Json(std::string_view value)
    : value_(std::string(value)) {}
Json::Json(const char* value)
    : value_(std::string(value)) {}
Json::Json(Array items)
    : value_(std::move(items)) {}

Json Json::array() {
  return Json(Array{});
}

Json Json::object() {
  return object(Object{});
}

Json Json::object(Object members) {
  Json json;
  json.value_ = std::move(members);
  return json;
}

bool Json::is_number() const {
  return std::holds_alternative<std::int64_t>(value_) ||
         std::holds_alternative<std::uint64_t>(value_) || std::holds_alternative<double>(value_);
}

std::string_view Json::type_name() const {
  if (is_null()) {
    return "null";
  }
  if (is_bool()) {
    return "a boolean";
  }
  if (is_string()) {
    return "a string";
  }
  if (is_array()) {
    return "a list";
  }
  return is_object() ? "an object" : "a number";
}

std::optional<bool> Json::as_bool() const {
  const auto* value = std::get_if<bool>(&value_);
  return value == nullptr ? std::nullopt : std::optional<bool>(*value);
}

std::optional<std::int64_t> Json::as_int() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) {
    return *value;
  }
  const auto* value = std::get_if<std::uint64_t>(&value_);
  if (value != nullptr && *value <= std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return static_cast<std::int64_t>(*value);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Json::as_uint() const {
  if (const auto* value = std::get_if<std::uint64_t>(&value_)) {
    return *value;
  }
  const auto* value = std::get_if<std::int64_t>(&value_);
  if (value != nullptr && *value >= 0) {
    return static_cast<std::uint64_t>(*value);
  }
  return std::nullopt;
}

std::optional<double> Json::as_double() const {
  if (const auto* value = std::get_if<double>(&value_)) {
    return *value;
  }
  if (const auto* value = std::get_if<std::int64_t>(&value_)) {
    return static_cast<double>(*value);
  }
  if (const auto* value = std::get_if<std::uint64_t>(&value_)) {
    return static_cast<double>(*value);
  }
  return std::nullopt;
}

const Json* Json::find(std::string_view key) const {
  if (const auto* members = as_object()) {
    for (const Member& member : *members) {
      if (member.key == key) {
        return &member.value;
      }
    }
  }
  return nullptr;
}

Json* Json::find(std::string_view key) {
  if (auto* members = as_object()) {
    for (Member& member : *members) {
      if (member.key == key) {
        return &member.value;
      }
    }
  }
  return nullptr;
}

Json& Json::set(std::string key, Json value) {
  if (is_null()) {
    value_ = Object{};
  }
  ATHANOR_CHECK(is_object());
  if (Json* present = find(key)) {
    *present = std::move(value);
  } else {
    std::get<Object>(value_).push_back(Member{.key = std::move(key), .value = std::move(value)});
  }
  return *this;
}

Json& Json::push_back(Json value) {
  if (is_null()) {
    value_ = Array{};
  }
  ATHANOR_CHECK(is_array());
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

std::size_t Json::size() const {
  if (const auto* items = as_array()) {
    return items->size();
  }
  const auto* members = as_object();
  return members == nullptr ? 0 : members->size();
}

bool operator==(const Json& a, const Json& b) {
  // The same whole number may be held signed or unsigned.
  if (a.as_int() && b.as_int()) {
    return a.as_int() == b.as_int();
  }
  return a.value_ == b.value_;
}

}  // namespace athanor
