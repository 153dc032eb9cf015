#include "coordinator/cli/preparation.hpp"
#include "coordinator/cli/verb.hpp"

#include <algorithm>

namespace athanor::coordinator {

namespace {

class PlanVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "plan",
            .usage = "INPUT... [--store URL] [OPTIONS]",
            .summary = "Show what a run would do; change nothing",
            .description =
                "Reads the inputs, asks the store once what it has, and shows per platform and in "
                "all what is there, what would be fetched and transmuted, how many bytes that is "
                "as far as the inputs say, and how many requests each origin would see.",
            .examples = {{.command = "athanor plan conda-lock.yml --store /data/store",
                          .says = "Hits, misses and bytes of one lock file."},
                         {.command = "athanor plan *.lock --detailed-exitcode",
                          .says = "Exit code 0: nothing to do; 10: there is work."}}};
  }

  void declare(cli::OptionTable& table) override {
    preparation_.declare(table);
    preparation_.declare_publishing(table);
    table.heading("Plan");
    table.add({.name = "detailed-exitcode",
               .help = "End with 0 if there is nothing to do and with 10 if there is."},
              detailed_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(preparation_.load(context));
    ATHANOR_ASSIGN(Preparation::ReadInputs read, preparation_.read_inputs(context, {}));
    ATHANOR_ASSIGN(const Plan plan, preparation_.plan_only(context, std::move(read.intake)));
    print_plan(context, plan);
    if (!read.complete()) {
      return cli::ExitStatus::partial;
    }
    const bool work = std::any_of(plan.packages.begin(), plan.packages.end(),
                                  [](const PlannedPackage& package) { return package.needed; });
    return detailed_ && work ? cli::ExitStatus::work_to_do : cli::ExitStatus::ready;
  }

 private:
  Preparation preparation_;
  bool detailed_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_plan_verb() {
  return std::make_unique<PlanVerb>();
}

}  // namespace athanor::coordinator
