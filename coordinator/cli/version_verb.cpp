#include "coordinator/cli/verb.hpp"
#include "shared/base/version.hpp"
#include "shared/json/json.hpp"

#include <ostream>

namespace athanor::coordinator {

namespace {

class VersionVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "version",
            .usage = "[--json]",
            .summary = "Show the program's version",
            .description = "Shows the program's version."};
  }

  void declare(cli::OptionTable&) override {}

  Result<cli::ExitStatus> run(VerbContext& context) override {
    if (context.common.output == OutputFormat::text) {
      context.out << "athanor " << version() << '\n';
    } else {
      context.out << dump_json(Json::object({{"schema", 1}, {"version", version()}})) << '\n';
    }
    return cli::ExitStatus::ready;
  }
};

}  // namespace

std::unique_ptr<Verb> make_version_verb() {
  return std::make_unique<VersionVerb>();
}

}  // namespace athanor::coordinator
