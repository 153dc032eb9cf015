#include "coordinator/cli/store_access.hpp"
#include "coordinator/cli/store_plans.hpp"
#include "coordinator/cli/verify_options.hpp"
#include "coordinator/upkeep/repair.hpp"
#include "coordinator/upkeep/verify.hpp"
#include "shared/base/units.hpp"
#include "shared/os/temp_dir.hpp"

#include <ostream>
#include <utility>

namespace athanor::coordinator {

namespace {

class StoreRepairVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "store repair",
        .usage = "[--store URL] [--plan FILE] [--yes] [OPTIONS]",
        .summary = "Show, and with --yes do, what makes a store right again",
        .description =
            "Verifies the store and plans what can be made right without guessing; shows the plan "
            "and changes nothing unless --yes is given. What environments name stays. Of several "
            "hashes in a slot the one that is named stays, else the oldest whole one; broken "
            "objects that nobody names go; objects where none may be move into their slot, or "
            "go. Nothing is deleted: it moves to the store's trash, and `athanor store gc undo` "
            "brings it back.",
        .examples = {
            {.command = "athanor store repair --store /data/store", .says = "What would be done."},
            {.command = "athanor store repair --state verify.state --yes",
             .says = "Does it, without reading again what was verified."}}};
  }

  void declare(cli::OptionTable& table) override {
    access_.declare(table);
    table.heading("Repair");
    table.add({.name = "yes", .letter = 'y', .help = "Do it."}, yes_);
    table.add({.name = "plan",
               .value_name = "FILE",
               .help = "Write the plan to FILE, for `athanor store gc apply`."},
              plan_);
    table.add({.name = "replace-broken",
               .help = "Take broken objects away although environments name them; `athanor run` "
                       "then publishes them again."},
              options_.replace_broken);
    table.add({.name = "foreign",
               .help = "Take away also what harms no reader, among packages and environments."},
              options_.take_foreign);
    flags_.declare(table);
    access_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(access_.open(context));
    ATHANOR_ASSIGN(const VerifyOptions verify, flags_.options(context));
    ATHANOR_ASSIGN(const TempDir scratch, TempDir::create("athanor-repair-"));
    const std::filesystem::path plan =
        plan_ ? typed_path(context, *plan_) : scratch.path() / "plan";
    options_.now = context.clock.wall_now();
    const Upkeep upkeep = access_.upkeep(context);
    auto report = plan_repair(
        upkeep,
        [&](const FindingSink& sink) -> Result<void> {
          ATHANOR_TRY(verify_store(upkeep, verify, sink));
          return {};
        },
        options_, plan,
        [&](const std::string& line) {
          if (context.common.output == OutputFormat::text && context.common.quiet == 0) {
            context.out << line << '\n';
          }
        });
    if (!report) {
      access_.finish(context);
      return std::move(report).error();
    }
    if (yes_ && report->planned.changes > 0) {
      return apply_and_tell(context, access_, plan);
    }
    access_.finish(context);
    tell(context, *report);
    return report->planned.changes > 0 || report->left_to_people > 0 ? cli::ExitStatus::partial
                                                                     : cli::ExitStatus::ready;
  }

 private:
  void tell(VerbContext& context, const RepairReport& report) {
    if (context.common.output != OutputFormat::text) {
      access_.print_json(context, Json::object({{"schema", 1},
                                                {"planned", report.planned.changes},
                                                {"bytes", report.planned.bytes},
                                                {"left", report.left_to_people}}));
      return;
    }
    context.out << report.planned.changes << " changes planned ("
                << human_size(report.planned.bytes) << " to the trash), " << report.left_to_people
                << " things left to a person"
                << (report.planned.changes > 0 ? "; nothing was changed, --yes does it" : "")
                << '\n';
  }

  StoreAccess access_;
  VerifyFlags flags_;
  RepairOptions options_;
  std::optional<std::string> plan_;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_store_repair_verb() {
  return std::make_unique<StoreRepairVerb>();
}

}  // namespace athanor::coordinator
