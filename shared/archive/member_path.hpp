#pragma once

#include "shared/base/result.hpp"

#include <string>
#include <string_view>

namespace athanor {

// A member's path as every reader will see it: without "./" in front or inside, doubled slashes and
// a slash at the end. Empty for the package's root itself ("./"). Any bytes but NUL may occur.
//
// rejected if it is absolute, has a ".." part, or would be either to a reader that takes "\" for a
// separator or "C:" for a drive, or is longer than limits::k_member_name_bytes.
Result<std::string> normalize_member_path(std::string_view path);

// Which component of a .conda file the path belongs in: info- takes what has "info" as its first
// part (CEP 35), pkg- everything else.
enum class Component { info, pkg };
std::string_view to_string(Component component);  // "info", "pkg"
Component component_of(std::string_view normalized_path);

// A symlink at `path` with this target points outside the package's root.
bool symlink_leaves_package(std::string_view path, std::string_view target);

}  // namespace athanor
