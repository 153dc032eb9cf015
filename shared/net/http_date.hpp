#pragma once

#include "shared/base/clock.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// The three date forms of HTTP (RFC 9110, 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT" and the two
// obsolete ones. Absent if text is none of them or no real date.
std::optional<WallTime> parse_http_date(std::string_view text);
// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string format_http_date(WallTime time);

// "19941106T084937Z": the compact ISO 8601 form that request signatures use.
std::string format_compact_date(WallTime time);
// "1994-11-06T08:49:37Z", a fraction and an offset ("+01:00") allowed.
std::optional<WallTime> parse_iso_date(std::string_view text);
// "1994-11-06T08:49:37Z".
std::string format_iso_date(WallTime time);

}  // namespace athanor
