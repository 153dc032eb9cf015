#include "coordinator/cli/preparation.hpp"
#include "coordinator/cli/store_access.hpp"
#include "coordinator/cli/store_plans.hpp"
#include "coordinator/intake/intake.hpp"
#include "coordinator/upkeep/collect.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"

#include <ostream>
#include <utility>
#include <vector>

namespace athanor::coordinator {

namespace {

Json report_json(const CollectReport& report) {
  return Json::object({{"schema", 1},
                       {"environments", report.environments},
                       {"packages", report.packages},
                       {"needed", report.needed},
                       {"kept_by_lists", report.listed},
                       {"young", report.young},
                       {"unneeded", report.unneeded.changes},
                       {"unneeded_bytes", report.unneeded.bytes}});
}

class StoreGcVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "store gc",
        .usage = "[INPUT...] [--store URL] [--plan FILE] [OPTIONS]",
        .summary = "Plan which packages no environment needs any more",
        .description =
            "Reads every environment description in the store and marks the sources that it uses, "
            "adds what the inputs (lock files) and --keep lists name, and plans to take away the "
            "packages of all other sources that are older than the grace period. Changes nothing: "
            "`athanor store gc apply FILE` does what the plan says, to what hasn't changed and "
            "isn't needed by then.\n\n"
            "Descriptions are never collected. A description that can't be read stops it, because "
            "nobody knows what it needs.",
        .examples = {{.command = "athanor store gc --store s3://bucket/conda_env --plan gc.plan",
                      .says = "The plan: what would go."},
                     {.command = "athanor store gc locks/*.lock --keep keep.txt --grace 30d",
                      .says = "Keeps what those lock files need, too."}}};
  }

  void declare(cli::OptionTable& table) override {
    constexpr std::size_t k_most_inputs = 100'000;
    table.positionals({.name = "INPUT",
                       .at_least = 0,
                       .at_most = k_most_inputs,
                       .help = "Lock files and lists of URLs whose packages are kept."},
                      inputs_);
    access_.declare(table);
    table.heading("Collection");
    table.add({.name = "plan", .value_name = "FILE", .help = "Write the plan to FILE."}, plan_);
    table.add({.name = "keep",
               .value_name = "FILE",
               .help = "A list of what is kept: keys, folders ending in \"/\", package URLs, one a "
                       "line. May be repeated."},
              keep_);
    table.add({.name = "grace",
               .value_name = "TIME",
               .help = "Keep what is younger: a run may be about to describe it. Default: 7d."},
              grace_);
    table.add({.name = "although-nothing-is-described",
               .help = "Go on although the store holds no environment description."},
              although_);
    access_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::chrono::seconds grace, parse_age(grace_, "--grace"));
    ATHANOR_TRY(access_.open(context));
    ATHANOR_ASSIGN(const KeepList keep, keep_list(context));
    ATHANOR_ASSIGN(const TempDir scratch, TempDir::create("athanor-gc-"));
    const std::filesystem::path plan =
        plan_ ? typed_path(context, *plan_) : scratch.path() / "plan";
    const Upkeep upkeep = access_.upkeep(context);
    const auto report = plan_collection(upkeep, keep,
                                        {.grace = grace,
                                         .now = context.clock.wall_now(),
                                         .although_nothing_is_described = although_},
                                        plan);
    access_.finish(context);
    if (!report) {
      return report.error();
    }
    if (context.common.output != OutputFormat::text) {
      access_.print_json(context, report_json(*report));
      return cli::ExitStatus::ready;
    }
    ATHANOR_TRY(tell(context, *report, plan));
    return cli::ExitStatus::ready;
  }

 private:
  Result<KeepList> keep_list(VerbContext& context) const {
    KeepList keep;
    for (const std::string& file : keep_) {
      ATHANOR_ASSIGN(const std::string text,
                     read_file(typed_path(context, file), limits::k_input_file_bytes));
      ATHANOR_TRY(keep.add_list(access_.layout(), text, "--keep " + file));
    }
    if (!inputs_.empty()) {
      ATHANOR_ASSIGN(const IntakeResult intake, read_inputs(inputs_, {}));
      for (const SourceUrl* source : distinct_sources(intake, access_.layout())) {
        keep.keep_source(access_.layout(), *source);
      }
    }
    keep.seal();
    return keep;
  }

  Result<void> tell(VerbContext& context, const CollectReport& report,
                    const std::filesystem::path& plan) const {
    constexpr std::uint64_t k_shown = 20;
    std::uint64_t shown = 0;
    if (context.common.quiet == 0) {
      ATHANOR_TRY(read_plan(plan, [&](const Change& change) -> Result<void> {
        if (shown++ < k_shown || context.common.verbose > 0) {
          context.out << "unneeded: " << human_size(change.size) << "  "
                      << printable_key(change.key) << '\n';
        }
        return {};
      }));
      if (shown > k_shown && context.common.verbose == 0) {
        context.out << "and " << shown - k_shown << " more; -v shows all\n";
      }
    }
    context.out << report.environments << " environments need " << report.needed << " of "
                << report.packages << " packages; " << report.listed << " kept by lists, "
                << report.young << " are younger than " << grace_ << "; " << report.unneeded.changes
                << " unneeded (" << human_size(report.unneeded.bytes) << ")\n";
    if (report.unneeded.changes > 0) {
      context.out << (plan_ ? "to take them away: athanor store gc apply " + *plan_ + " --yes"
                            : std::string("--plan FILE writes a plan that `gc apply` takes"))
                  << '\n';
    }
    return {};
  }

  StoreAccess access_;
  std::vector<std::string> inputs_;
  std::vector<std::string> keep_;
  std::optional<std::string> plan_;
  std::string grace_ = "7d";
  bool although_ = false;
};

class StoreGcApplyVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "store gc apply",
            .usage = "PLAN [--store URL] --yes [OPTIONS]",
            .summary = "Take away what a plan of `gc` or `repair` says",
            .description =
                "Reads the descriptions again and takes away what is still as the plan saw it, "
                "still old enough and still not needed; everything else is left alone. Objects "
                "move to the store's trash and can be put back (`gc undo`) until `gc purge`. "
                "Descriptions that appeared meanwhile get back what they name.",
            .examples = {{.command = "athanor store gc apply gc.plan --yes",
                          .says = "After somebody has looked at the plan."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "PLAN", .at_least = 1, .at_most = 1, .help = "A plan file."}, plan_);
    access_.declare(table);
    table.heading("Apply");
    table.add({.name = "yes", .letter = 'y', .help = "Do it."}, yes_);
    access_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    const std::filesystem::path plan = typed_path(context, plan_.front());
    ATHANOR_ASSIGN(const ChangePlanSummary summary, read_plan_summary(plan));
    if (!yes_) {
      return needs_yes("the plan takes " + std::to_string(summary.totals.changes) +
                       " objects away (" + human_size(summary.totals.bytes) + ")");
    }
    ATHANOR_TRY(access_.open(context));
    return apply_and_tell(context, access_, plan);
  }

 private:
  StoreAccess access_;
  std::vector<std::string> plan_;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_store_gc_verb() {
  return std::make_unique<StoreGcVerb>();
}

std::unique_ptr<Verb> make_store_gc_apply_verb() {
  return std::make_unique<StoreGcApplyVerb>();
}

}  // namespace athanor::coordinator
