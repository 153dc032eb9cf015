#include "shared/archive/member_path.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <cstddef>

namespace athanor {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Error refused(std::string_view path, std::string_view why) {
  return make_error(ErrorKind::rejected,
                    "member '" + printable(path) + "' is refused: " + std::string(why),
                    "the package isn't safe to extract; don't use it");
}

bool has_dotdot_part(std::string_view path) {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find_first_of("/\\"), path.size());
    if (path.substr(0, end) == "..") {
      return true;
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

}  // namespace

Result<std::string> normalize_member_path(std::string_view path) {
  if (path.size() > limits::k_member_name_bytes) {
    return refused(path, "its name is too long");
  }
  if (path.find('\0') != std::string_view::npos) {
    return refused(path, "its name has a NUL byte");
  }
  if (!path.empty() && path.front() == '/') {
    return refused(path, "its name is absolute");
  }
  if (has_dotdot_part(path)) {
    return refused(path, "its name has a '..' part");
  }
  std::string normalized;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") {
      continue;
    }
    if (!normalized.empty()) {
      normalized += '/';
    }
    normalized += part;
  }
  if (!normalized.empty() && normalized.front() == '\\') {
    return refused(path, "its name is absolute on Windows");
  }
  if (normalized.size() >= 2 && normalized[1] == ':' && is_letter(normalized[0])) {
    return refused(path, "its name starts with a drive letter");
  }
  return normalized;
}

std::string_view to_string(Component component) {
  return component == Component::info ? "info" : "pkg";
}

Component component_of(std::string_view normalized_path) {
  const bool info = normalized_path == "info" || normalized_path.substr(0, 5) == "info/";
  return info ? Component::info : Component::pkg;
}

bool symlink_leaves_package(std::string_view path, std::string_view target) {
  if (!target.empty() && target.front() == '/') {
    return true;
  }
  std::ptrdiff_t depth = std::count(path.begin(), path.end(), '/');
  for (const std::string_view part : split(target, '/')) {
    if (part == "..") {
      if (--depth < 0) {
        return true;
      }
    } else if (!part.empty() && part != ".") {
      ++depth;
    }
  }
  return false;
}

}  // namespace athanor
