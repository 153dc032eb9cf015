#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/verb.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/os/files.hpp"

#include <ostream>

namespace athanor::coordinator {

namespace {

class ConfigValidateVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "config validate",
            .usage = "[FILE...]",
            .summary = "Check configuration files",
            .description =
                "Checks the named files, or, without a name, everything that a run in this "
                "directory would read: unknown settings, wrong types and values are errors.",
            .examples = {
                {.command = "athanor config validate athanor.toml", .says = "For a commit hook."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "FILE", .at_least = 0, .at_most = 100, .help = "Files to check."},
                      files_);
    options_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    std::vector<std::string> checked = files_;
    if (files_.empty()) {
      ATHANOR_ASSIGN(config::LoadReport report, options_.load(context));
      checked = std::move(report.files);
    }
    for (const std::string& file : files_) {
      config::Settings settings;
      ATHANOR_ASSIGN(const std::string text, read_file(context.working_directory / file, 1_MiB));
      ATHANOR_TRY(config::load_file_text(settings, text, config::Layer::user_file, file));
    }
    if (context.common.output == OutputFormat::text) {
      for (const std::string& file : checked) {
        context.out << printable(file) << ": valid\n";
      }
    } else {
      Json files = Json::array();
      for (const std::string& file : checked) {
        files.push_back(file);
      }
      context.out << dump_json(
                         Json::object({{"schema", 1}, {"ok", true}, {"files", std::move(files)}}))
                  << '\n';
    }
    return cli::ExitStatus::ready;
  }

 private:
  std::vector<std::string> files_;
  SettingsOptions options_;
};

}  // namespace

std::unique_ptr<Verb> make_config_validate_verb() {
  return std::make_unique<ConfigValidateVerb>();
}

}  // namespace athanor::coordinator
