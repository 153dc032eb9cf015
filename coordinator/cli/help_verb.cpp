#include "coordinator/cli/dispatch.hpp"
#include "coordinator/cli/verb.hpp"

#include <ostream>

namespace athanor::coordinator {

namespace {

class HelpVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "help",
            .usage = "[COMMAND]",
            .summary = "Show what a command does and its options",
            .description = "Shows all commands, or one command with its options and examples.",
            .examples = {{.command = "athanor help run", .says = "The daily command."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "COMMAND", .at_least = 0, .at_most = 3}, words_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    if (words_.empty()) {
      context.out << overview_text();
      return cli::ExitStatus::ready;
    }
    ATHANOR_ASSIGN(const std::string help, verb_help_text(words_));
    context.out << help;
    return cli::ExitStatus::ready;
  }

 private:
  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Verb> make_help_verb() {
  return std::make_unique<HelpVerb>();
}

}  // namespace athanor::coordinator
