#include "coordinator/check/check.hpp"

#include "coordinator/cli/preparation.hpp"
#include "coordinator/cli/verb.hpp"

#include <ostream>
#include <utility>

namespace athanor::coordinator {

namespace {

class CheckVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "check",
        .usage = "INPUT...|--all [--store URL] [OPTIONS]",
        .summary = "Say which environments start without the web",
        .description =
            "Does for each environment what a reader does before it starts a task: finds the "
            "description by its ids and every alias asked for, lists each package's folder in the "
            "store, takes the hash, looks at the object. Says for every environment that doesn't "
            "start why not. Ends with 0 if all start, else with 1.",
        .examples = {{.command = "athanor check conda-lock.yml --store /data/store",
                      .says = "Every environment of a lock file."},
                     {.command = "athanor check --all --store s3://bucket/conda_env --json",
                      .says = "Everything that is described in the store, for a monitor."}}};
  }

  void declare(cli::OptionTable& table) override {
    preparation_.declare(table, Preparation::Inputs::optional);
    preparation_.declare_publishing(table);
    table.heading("Check");
    table.add({.name = "all", .help = "Check every environment that the store describes."}, all_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    if (all_ == preparation_.has_inputs()) {
      return make_error(ErrorKind::invalid,
                        all_ ? "--all and inputs exclude each other" : "missing argument INPUT",
                        "check inputs, or --all that is in the store");
    }
    ATHANOR_TRY(preparation_.load(context));
    ATHANOR_ASSIGN(const CheckReport report, check(context));
    if (context.common.output == OutputFormat::text) {
      context.out << show_check(report);
    } else {
      context.out << dump_json(check_to_json(report)) << '\n';
    }
    return report.all_ready() ? cli::ExitStatus::ready : cli::ExitStatus::partial;
  }

 private:
  Result<CheckReport> check(VerbContext& context) const {
    const Layout layout = preparation_.layout();
    if (all_) {
      ATHANOR_ASSIGN(const std::unique_ptr<Store> store, preparation_.open_store(CreateStore::no));
      return check_all(*store, layout);
    }
    ATHANOR_ASSIGN(Preparation::ReadInputs read,
                   preparation_.read_inputs(context, {.solving = Asking::Place::Solving::no}));
    ATHANOR_ASSIGN(const std::unique_ptr<Store> store, preparation_.open_store(CreateStore::no));
    print_warnings(context, read.intake.warnings);
    ATHANOR_ASSIGN(CheckReport report, check_requests(*store, layout, std::move(read.intake)));
    for (const ResolvedEnvironment& environment : read.resolution.environments) {
      for (const FailedPlatform& failure : environment.failures) {
        EnvironmentCheck missing;
        missing.name = environment.name;
        missing.platform = failure.platform;
        missing.reasons.push_back(failure.error.message);
        report.environments.push_back(std::move(missing));
      }
    }
    return report;
  }

  Preparation preparation_;
  bool all_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_check_verb() {
  return std::make_unique<CheckVerb>();
}

}  // namespace athanor::coordinator
