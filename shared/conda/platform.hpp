#pragma once

#include <span>
#include <string>
#include <string_view>

namespace athanor {

// The platforms that conda knows ("linux-64", "osx-arm64", ..., without "noarch"), sorted.
std::span<const std::string_view> known_platforms();
bool is_known_platform(std::string_view name);

}  // namespace athanor
