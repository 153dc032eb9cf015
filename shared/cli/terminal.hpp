#pragma once

#include "shared/os/machine.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace athanor::cli {

enum class ColorChoice { automatic, always, never };
std::optional<ColorChoice> color_choice_from_string(std::string_view name);  // "auto", "always", …

// What one of our two output streams can show.
struct Terminal {
  bool is_terminal = false;
  bool color = false;
  bool unicode = false;  // otherwise only ASCII may be printed as decoration
  bool cursor = false;   // the cursor can be moved: a live view is possible
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// What is known of a stream without its environment.
struct StreamFacts {
  bool is_terminal = false;
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// Asks the system about a file descriptor.
StreamFacts stream_facts(int descriptor);

// The rule, in this order: `choice` (the flag); NO_COLOR if it is set and not empty; FORCE_COLOR if
// it is set and not empty; TERM=dumb or unknown: none; else colour on a terminal. UTF-8 if LC_ALL,
// LC_CTYPE or LANG (the first that isn't empty) says so.
Terminal describe_terminal(const StreamFacts& facts, ColorChoice choice,
                           const EnvironmentLookup& environment);

// Styles for emphasis, never for meaning alone.
enum class Style { plain, bold, dim, red, green, yellow, cyan };
// The text in that style if the terminal has colour, else the text.
std::string styled(const Terminal& terminal, Style style, std::string_view text);

}  // namespace athanor::cli
