#pragma once

#include "shared/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace athanor::coordinator {

// A text that was handed in, with the name by which messages call it. Immutable once made.
struct InputText {
  std::string name;  // as typed; "<stdin>" for "-"
  std::string text;
  // The folder that relative names in the text refer to; empty if there is none (standard input).
  std::string folder;

  // An `invalid` Error "name:line: message"; line 0 leaves the line out.
  Error error(std::size_t line, std::string_view message, std::string hint = {}) const;
  // "name:line" before the message of a failure that came from further in.
  Error at_line(std::size_t line, Error inner) const;
};

// Reads a file or, for "-", standard input, up to the limit. not_found, rejected (too large, a
// folder, no permission). What is read is not checked yet.
Result<InputText> read_input_file(const std::string& path, std::uint64_t limit_bytes);

// The same for a file that an input, which nobody vouches for, names: only regular files, never
// waiting for a pipe or a device.
Result<InputText> read_regular_file(const std::string& path, std::uint64_t limit_bytes);

// Checks that the text is UTF-8 without NUL bytes and control characters (tab, LF, CR are fine); a
// byte order mark is taken off. Says in which line it is not.
Result<void> check_text(InputText& input);

}  // namespace athanor::coordinator
