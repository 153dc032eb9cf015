#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// RFC 4648.
namespace athanor {

std::string base64_encode(std::span<const std::uint8_t> bytes);
std::string base64_encode(std::string_view text);
// Without padding, "-" and "_" for "+" and "/": JSON web tokens.
std::string base64url_encode(std::span<const std::uint8_t> bytes);
// Absent if text isn't base64 (padding may be missing, white space is not allowed).
std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text);

}  // namespace athanor
