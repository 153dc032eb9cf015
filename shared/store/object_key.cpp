#include "shared/store/object_key.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>
#include <string>

namespace athanor {
namespace {

Error bad_key(std::string_view key, std::string_view why) {
  return make_error(ErrorKind::invalid,
                    "'" + printable(key) + "' can't be the key of an object: " + std::string(why));
}

}  // namespace

Result<void> check_object_key(std::string_view key) {
  if (key.empty()) {
    return bad_key(key, "it is empty");
  }
  if (key.size() > k_object_key_bytes) {
    return bad_key(key, "it is longer than 1024 bytes");
  }
  if (!is_utf8(key)) {
    return bad_key(key, "it is not UTF-8");
  }
  if (std::any_of(key.begin(), key.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
      })) {
    return bad_key(key, "it holds control characters");
  }
  if (key.find('\\') != std::string_view::npos) {
    return bad_key(key, "some stores take '\\' for '/'");
  }
  for (const std::string_view segment : split(key, '/')) {
    if (segment.empty()) {
      return bad_key(key, "a part between two '/' is empty");
    }
    if (segment == "." || segment == "..") {
      return bad_key(key, "'.' and '..' are no names");
    }
    if (segment.size() > k_object_segment_bytes) {
      return bad_key(key, "a part between two '/' is longer than 255 bytes");
    }
  }
  if (key.starts_with(".athanor/tmp/") || key == ".athanor/tmp") {
    return bad_key(key, ".athanor/tmp is for unfinished objects");
  }
  return {};
}

Result<void> check_object_prefix(std::string_view prefix) {
  if (prefix.empty()) {
    return {};
  }
  if (!prefix.ends_with('/')) {
    return bad_key(prefix, "a folder ends in '/'");
  }
  return check_object_key(prefix.substr(0, prefix.size() - 1));
}

}  // namespace athanor
