#pragma once

#include "shared/json/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// Members of documents that another version of our own programs may have written: what isn't there,
// or has another type than expected, counts as empty. For documents of strangers there is JsonView,
// which says what is wrong.
namespace athanor {

std::uint64_t uint_or_zero(const Json& object, std::string_view key);
std::string text_or_empty(const Json& object, std::string_view key);
// The references are valid as long as `object` is.
const Json::Array& items_or_none(const Json& object, std::string_view key);
const Json& object_or_empty(const Json& object, std::string_view key);

}  // namespace athanor
