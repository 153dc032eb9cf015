#include "shared/cli/help.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>
#include <sstream>

namespace athanor::cli {

namespace {

constexpr std::size_t k_width = 100;
constexpr std::size_t k_help_column = 28;

std::string left_side(const Option& option) {
  std::string left =
      option.letter == '\0' ? std::string("      --") : std::string("  -") + option.letter + ", --";
  left += option.name;
  if (!option.value_name.empty()) {
    left += " " + option.value_name;
  }
  return left;
}

std::string option_text(const Option& option) {
  std::string help = option.help;
  if (!option.choices.empty()) {
    help += " One of " + join(option.choices, ", ") + ".";
  }
  const std::string left = left_side(option);
  const std::string right = wrap(help, k_help_column, k_width);
  if (left.size() + 2 > k_help_column) {
    return left + "\n" + right;
  }
  return left + right.substr(left.size());
}

}  // namespace

std::string wrap(const std::string& text, std::size_t indent, std::size_t width) {
  std::string result;
  const std::string margin(indent, ' ');
  for (const std::string_view paragraph : split(text, '\n')) {
    if (trim(paragraph).empty()) {
      result += '\n';
      continue;
    }
    std::istringstream words{std::string(paragraph)};
    std::string line;
    for (std::string word; words >> word;) {
      if (!line.empty() && indent + line.size() + 1 + word.size() > width) {
        result += margin + line + '\n';
        line.clear();
      }
      line += line.empty() ? word : " " + word;
    }
    result += margin + line + '\n';
  }
  return result;
}

std::string help_text(const std::string& program, const CommandText& command,
                      const OptionTable& table) {
  std::string text = "Usage: " + program + " " + command.name;
  text += command.usage.empty() ? "" : " " + command.usage;
  text += "\n\n" + wrap(command.description, 0, k_width);
  if (!command.examples.empty()) {
    text += "\nExamples:\n";
    for (const Example& example : command.examples) {
      text += "  " + example.command + "\n" + wrap(example.says, 6, k_width);
    }
  }
  if (table.positionals() && !table.positionals()->help.empty()) {
    const std::string name = "  " + table.positionals()->name;
    text += "\nArguments:\n";
    const std::string right = wrap(table.positionals()->help, k_help_column, k_width);
    text += name + right.substr(std::min(name.size(), k_help_column));
  }
  // Options may have been added to a heading in several goes.
  std::vector<std::string> headings;
  const std::vector<Option> options = table.options();
  for (const Option& option : options) {
    if (std::find(headings.begin(), headings.end(), option.group) == headings.end()) {
      headings.push_back(option.group);
    }
  }
  for (const std::string& heading : headings) {
    text += "\n" + heading + ":\n";
    for (const Option& option : options) {
      text += option.group == heading ? option_text(option) : "";
    }
  }
  return text;
}

}  // namespace athanor::cli
