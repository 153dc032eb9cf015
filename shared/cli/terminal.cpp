#include "shared/cli/terminal.hpp"

#include "shared/base/strings.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

namespace athanor::cli {

namespace {

std::string value_of(const EnvironmentLookup& environment, std::string_view name) {
  return environment(name).value_or("");
}

bool says_utf8(const EnvironmentLookup& environment) {
  for (const std::string_view name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string locale = to_lower(value_of(environment, name));
    if (!locale.empty()) {
      return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
    }
  }
  return false;
}

std::string_view escape_of(Style style) {
  switch (style) {
    case Style::plain:
      return "";
    case Style::bold:
      return "\x1b[1m";
    case Style::dim:
      return "\x1b[2m";
    case Style::red:
      return "\x1b[31m";
    case Style::green:
      return "\x1b[32m";
    case Style::yellow:
      return "\x1b[33m";
    case Style::cyan:
      return "\x1b[36m";
  }
  return "";
}

}  // namespace

std::optional<ColorChoice> color_choice_from_string(std::string_view name) {
  if (name == "auto") {
    return ColorChoice::automatic;
  }
  if (name == "always") {
    return ColorChoice::always;
  }
  if (name == "never") {
    return ColorChoice::never;
  }
  return std::nullopt;
}

StreamFacts stream_facts(int descriptor) {
  StreamFacts facts;
  facts.is_terminal = ::isatty(descriptor) == 1;
  winsize size{};
  if (facts.is_terminal && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    facts.columns = size.ws_col;
    facts.rows = size.ws_row > 0 ? size.ws_row : facts.rows;
  }
  return facts;
}

Terminal describe_terminal(const StreamFacts& facts, ColorChoice choice,
                           const EnvironmentLookup& environment) {
  const std::string term = value_of(environment, "TERM");
  const bool dumb = term == "dumb" || term == "unknown" || term.empty();
  Terminal terminal;
  terminal.is_terminal = facts.is_terminal;
  terminal.columns = facts.columns;
  terminal.rows = facts.rows;
  terminal.unicode = says_utf8(environment);
  terminal.cursor = facts.is_terminal && !dumb;
  if (choice != ColorChoice::automatic) {
    terminal.color = choice == ColorChoice::always;
  } else if (!value_of(environment, "NO_COLOR").empty()) {
    terminal.color = false;
  } else if (!value_of(environment, "FORCE_COLOR").empty()) {
    terminal.color = true;
  } else {
    terminal.color = facts.is_terminal && !dumb;
  }
  return terminal;
}

std::string styled(const Terminal& terminal, Style style, std::string_view text) {
  if (!terminal.color || style == Style::plain) {
    return std::string(text);
  }
  std::string result(escape_of(style));
  result += text;
  result += "\x1b[0m";
  return result;
}

}  // namespace athanor::cli
