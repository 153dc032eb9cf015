#pragma once

#include "shared/cli/options.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace athanor::cli {

struct Example {
  std::string command = {};  // as typed
  std::string says = {};     // what it does, short
};

// What a command says about itself.
struct CommandText {
  std::string name = {};         // "run", "archive list"
  std::string usage = {};        // what follows the name: "INPUT... [--store URL]"
  std::string summary = {};      // one line for the overview, no full stop
  std::string description = {};  // paragraphs, separated by empty lines; wrapped when printed
  std::vector<Example> examples = {};
};

// The text of `PROGRAM NAME --help`: usage, description, examples, then the options by heading.
// Pure ASCII, at most 100 columns, final newline.
std::string help_text(const std::string& program, const CommandText& command,
                      const OptionTable& table);

// The text broken into lines of at most `width` columns, each after `indent` blanks; empty lines
// separate paragraphs.
std::string wrap(const std::string& text, std::size_t indent, std::size_t width);

}  // namespace athanor::cli
