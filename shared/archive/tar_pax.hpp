#pragma once

#include "shared/base/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

using PaxRecord = std::pair<std::string, std::string>;  // key, value; either may hold any bytes

// The records of a pax header's content ("LENGTH KEY=VALUE\n" …), in order. corrupt if it isn't
// exactly that, or if a key stands twice.
Result<std::vector<PaxRecord>> parse_pax_records(std::string_view text);

// Appends one record.
void append_pax_record(std::string& text, std::string_view key, std::string_view value);

}  // namespace athanor
