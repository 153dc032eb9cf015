#pragma once

#include <optional>
#include <string_view>

namespace athanor::coordinator {

// Whether "# [linux64]" or "sel(linux)" speaks of a platform: the words of conda-build and
// conda-lock (linux, linux64, aarch64, ppc64le, osx, osx64, arm64, win, win64, unix, any platform's
// own name), joined by "not", "and", "or" (weakest). Absent if it holds another word: then it is no
// selector but a remark.
std::optional<bool> selects_platform(std::string_view selector, std::string_view platform);

// What stands in the brackets of a comment "# [...]" that ends a line; absent if there is none.
std::optional<std::string_view> selector_of_line(std::string_view line);

}  // namespace athanor::coordinator
