#pragma once

#include "shared/base/result.hpp"

#include <cstddef>
#include <string_view>

namespace athanor {

// The longest key that every backend takes (S3 and Azure: 1024 bytes), and the longest segment
// (NAME_MAX of every file system).
inline constexpr std::size_t k_object_key_bytes = 1024;
inline constexpr std::size_t k_object_segment_bytes = 255;

// invalid unless the key is UTF-8 without control characters and backslashes, not too long,
// relative, with no empty, "." or ".." segment and no "/" at either end, and not under
// ".athanor/tmp/", where a directory store keeps what isn't finished.
Result<void> check_object_key(std::string_view key);
// The same for a folder: empty (the root) or a key with a "/" behind it.
Result<void> check_object_prefix(std::string_view prefix);

}  // namespace athanor
