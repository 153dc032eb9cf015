#include "shared/cli/terminal.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace athanor::cli {
namespace {

struct ColorCase {
  const char* name;
  bool is_terminal;
  ColorChoice choice;
  std::map<std::string, std::string> variables;
  bool color;
};

Terminal describe(const StreamFacts& facts, ColorChoice choice,
                  const std::map<std::string, std::string>& variables) {
  return describe_terminal(facts, choice, [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

class Color : public testing::TestWithParam<ColorCase> {};

TEST_P(Color, FollowsFlagNoColorForceColorTermAndTerminalInThisOrder) {
  const ColorCase& row = GetParam();
  EXPECT_EQ(describe({.is_terminal = row.is_terminal}, row.choice, row.variables).color, row.color);
}

constexpr auto k_auto = ColorChoice::automatic;

INSTANTIATE_TEST_SUITE_P(
    Rule, Color,
    testing::Values(
        ColorCase{"terminal", true, k_auto, {{"TERM", "xterm"}}, true},
        ColorCase{"pipe", false, k_auto, {{"TERM", "xterm"}}, false},
        ColorCase{"dumb", true, k_auto, {{"TERM", "dumb"}}, false},
        ColorCase{"no_term", true, k_auto, {}, false},
        ColorCase{"no_color", true, k_auto, {{"TERM", "xterm"}, {"NO_COLOR", "1"}}, false},
        ColorCase{"no_color_empty", true, k_auto, {{"TERM", "xterm"}, {"NO_COLOR", ""}}, true},
        ColorCase{"force", false, k_auto, {{"FORCE_COLOR", "1"}}, true},
        ColorCase{"force_on_dumb", false, k_auto, {{"FORCE_COLOR", "1"}, {"TERM", "dumb"}}, true},
        ColorCase{"force_empty", false, k_auto, {{"FORCE_COLOR", ""}}, false},
        ColorCase{"no_beats_force", true, k_auto, {{"NO_COLOR", "1"}, {"FORCE_COLOR", "1"}}, false},
        ColorCase{"flag_beats_no_color", false, ColorChoice::always, {{"NO_COLOR", "1"}}, true},
        ColorCase{"never", true, ColorChoice::never, {{"FORCE_COLOR", "1"}}, false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Terminal, UnicodeIsWhatTheFirstLocaleVariableSays) {
  EXPECT_TRUE(describe({}, k_auto, {{"LANG", "de_DE.UTF-8"}}).unicode);
  EXPECT_TRUE(describe({}, k_auto, {{"LC_ALL", "C.utf8"}, {"LANG", "C"}}).unicode);
  EXPECT_FALSE(describe({}, k_auto, {{"LC_ALL", "C"}, {"LANG", "de_DE.UTF-8"}}).unicode);
  EXPECT_FALSE(describe({}, k_auto, {}).unicode);
}

TEST(Terminal, StylesNeedColor) {
  Terminal terminal;
  EXPECT_EQ(styled(terminal, Style::red, "x"), "x");
  terminal.color = true;
  EXPECT_EQ(styled(terminal, Style::red, "x"), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(styled(terminal, Style::plain, "x"), "x");
}

}  // namespace
}  // namespace athanor::cli
