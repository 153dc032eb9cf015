#include "coordinator/cli/store_access.hpp"
#include "coordinator/upkeep/copy.hpp"
#include "shared/base/units.hpp"

#include <ostream>
#include <utility>
#include <vector>

namespace athanor::coordinator {

namespace {

Json group_json(std::uint64_t copied, std::uint64_t had, std::uint64_t failed) {
  return Json::object({{"copied", copied}, {"had", had}, {"failed", failed}});
}

class StoreCopyVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "store copy",
        .usage = "FROM TO [OPTIONS]",
        .summary = "Copy a store into another one of any kind",
        .description =
            "Copies packages, then descriptions whose packages are all there, then aliases. Each "
            "package's bytes are compared with the hash in its key before they are written; "
            "nothing is overwritten, and a slot that holds another object keeps it. Typed again, "
            "it goes on where it was: what is there is not read again.",
        .examples = {{.command = "athanor store copy /data/store s3://bucket/conda_env",
                      .says = "Moves house."},
                     {.command = "athanor store copy s3://one/env gs://other/env --dry-run",
                      .says = "How much that would be."}}};
  }

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "FROM TO",
                       .at_least = 2,
                       .at_most = 2,
                       .help = "Two stores: URLs or directories."},
                      stores_);
    access_.declare_limits(table);
    table.heading("Copy");
    table.add({.name = "dry-run", .letter = 'n', .help = "Copy nothing; say what would be."},
              options_.dry_run);
    table.add({.name = "update-aliases",
               .help = "Move the tags latest, candidate and stable where they lead elsewhere."},
              options_.update_aliases);
    table.add({.name = "parallel",
               .value_name = "N",
               .help = "Packages that are copied at a time, 1 to 64. Default: 8."},
              parallel_);
    access_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    constexpr std::uint64_t k_most = 64;
    const std::uint64_t parallel = parallel_.value_or(options_.parallel);
    if (parallel < 1 || parallel > k_most) {
      return make_error(ErrorKind::invalid, "--parallel must be 1 to 64");
    }
    options_.parallel = static_cast<unsigned>(parallel);
    ATHANOR_TRY(access_.prepare(context));
    ATHANOR_ASSIGN(const auto from, access_.open_at(context, stores_[0], CreateStore::no));
    ATHANOR_ASSIGN(const auto to,
                   access_.open_at(context, stores_[1],
                                   options_.dry_run ? CreateStore::no : CreateStore::yes));
    const Upkeep upkeep = access_.upkeep_on(context, *from);
    const auto report = copy_store(upkeep, *to, options_, [&](const std::string& line) {
      if (context.common.quiet < 2) {
        context.err << line << '\n';
      }
    });
    access_.finish(context);
    if (context.common.verbose > 0) {
      context.err << "from " << from->url() << ":\n" << show_store_metrics(from->metrics());
      context.err << "to " << to->url() << ":\n" << show_store_metrics(to->metrics());
    }
    if (!report) {
      return report.error();
    }
    tell(context, *report, *from, *to);
    return report->all_copied() ? cli::ExitStatus::ready
           : report->harmful    ? cli::ExitStatus::refused
                                : cli::ExitStatus::partial;
  }

 private:
  void tell(VerbContext& context, const CopyReport& report, const ObservedStore& from,
            const ObservedStore& to) {
    if (context.common.output != OutputFormat::text) {
      access_.print_json(
          context,
          Json::object(
              {{"schema", 1},
               {"dry_run", options_.dry_run},
               {"packages",
                group_json(report.packages_copied, report.packages_had, report.packages_failed)},
               {"bytes", report.bytes},
               {"environments", group_json(report.environments_copied, report.environments_had,
                                           report.environments_failed)},
               {"aliases",
                group_json(report.aliases_copied, report.aliases_had, report.aliases_failed)},
               {"skipped", report.skipped},
               {"requests_from", store_metrics_to_json(from.metrics())},
               {"requests_to", store_metrics_to_json(to.metrics())}}));
      return;
    }
    context.out << (options_.dry_run ? "would copy " : "copied ") << report.packages_copied
                << " packages (" << human_size(report.bytes) << "), " << report.environments_copied
                << " environments, " << report.aliases_copied << " aliases; had "
                << report.packages_had << ", " << report.environments_had << ", "
                << report.aliases_had << "; failed " << report.packages_failed << ", "
                << report.environments_failed << ", " << report.aliases_failed << '\n';
  }

  StoreAccess access_;
  CopyOptions options_;
  std::optional<std::uint64_t> parallel_;
  std::vector<std::string> stores_;
};

}  // namespace

std::unique_ptr<Verb> make_store_copy_verb() {
  return std::make_unique<StoreCopyVerb>();
}

}  // namespace athanor::coordinator
