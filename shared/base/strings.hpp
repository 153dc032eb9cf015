#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// Lower-case hexadecimal, two digits a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);
// Empty if text isn't an even number of hexadecimal digits (either case).
std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);

// Without white space (blank, tab, CR, LF) at both ends.
std::string_view trim(std::string_view text);
// The parts between separators, empty ones included; one part if there is no separator.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
// ASCII only, whatever the locale.
std::string to_lower(std::string_view text);

// Text made safe to print on a terminal or in one log line: control characters, DEL and bytes that
// aren't UTF-8 appear as \xNN, and what is longer than max_bytes ends in "...".
std::string printable(std::string_view text, std::size_t max_bytes = 512);

// Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// The candidate nearest to what a person typed, for "did you mean": empty if none is near enough
// (edit distance at most about a third of the length).
std::optional<std::string> closest(std::string_view typed, std::span<const std::string> candidates);

}  // namespace athanor
