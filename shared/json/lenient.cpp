#include "shared/json/lenient.hpp"

namespace athanor {

std::uint64_t uint_or_zero(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  return member == nullptr ? 0 : member->as_uint().value_or(0);
}

std::string text_or_empty(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  const std::string* found = member == nullptr ? nullptr : member->as_string();
  return found == nullptr ? std::string{} : *found;
}

const Json::Array& items_or_none(const Json& object, std::string_view key) {
  static const Json::Array k_none;
  const Json* member = object.find(key);
  const Json::Array* found = member == nullptr ? nullptr : member->as_array();
  return found == nullptr ? k_none : *found;
}

const Json& object_or_empty(const Json& object, std::string_view key) {
  static const Json k_empty = Json::object();
  const Json* member = object.find(key);
  return member == nullptr || member->as_object() == nullptr ? k_empty : *member;
}

}  // namespace athanor
