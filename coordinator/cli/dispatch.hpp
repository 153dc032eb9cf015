#pragma once

#include "coordinator/cli/verb.hpp"

#include <span>
#include <string>

namespace athanor::coordinator {

// Reads one command line (without the program's name), runs its verb and prints what goes wrong.
// The context's terminals are described again once --color is known. Never throws for anything that
// a person may type.
cli::ExitStatus dispatch(std::span<const std::string> arguments, VerbContext& context);

// The overview: what `athanor --help` prints.
std::string overview_text();
// What `athanor VERB --help` prints. invalid: no such verb, with what may have been meant.
Result<std::string> verb_help_text(std::span<const std::string> words);

// The whole program: dispatch() in this process's world. Returns the exit code.
int run_program(int argc, char** argv);

}  // namespace athanor::coordinator
