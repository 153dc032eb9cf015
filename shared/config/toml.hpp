#pragma once

#include "shared/base/result.hpp"
#include "shared/json/json.hpp"

#include <string_view>

namespace athanor::config {

// A TOML document as a JSON value whose parts remember their lines. invalid: not TOML (line and
// column are in the message), or a date, which no setting is. `file` is what it is called in
// messages.
Result<Json> parse_toml(std::string_view text, std::string_view file);

// The value as TOML spells it after "key = ": strings quoted and escaped.
std::string spell_toml(const Json& value);

}  // namespace athanor::config
