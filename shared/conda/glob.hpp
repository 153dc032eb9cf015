#pragma once

#include <string_view>

namespace athanor {

// Whether the whole text matches the pattern, in which "*" stands for any run of characters, also
// none. Time is at most the product of the lengths, whatever the pattern.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace athanor
