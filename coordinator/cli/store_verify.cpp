#include "coordinator/cli/store_access.hpp"
#include "coordinator/cli/verify_options.hpp"
#include "coordinator/upkeep/verify.hpp"
#include "shared/base/units.hpp"

#include <ostream>
#include <utility>

namespace athanor::coordinator {

namespace {

constexpr std::size_t k_listed = 1'000;  // findings in one JSON object; jsonl has all

Json report_json(const VerifyReport& report) {
  Json::Object counts;
  for (const auto& [kind, count] : report.findings) {
    counts.push_back({std::string(to_string(kind)), count});
  }
  return Json::object({{"schema", 1},
                       {"event", "verdict"},
                       {"objects", report.objects},
                       {"packages", report.packages},
                       {"packages_read", report.objects_read},
                       {"bytes_read", report.bytes_read},
                       {"environments", report.environments},
                       {"aliases", report.aliases},
                       {"resumed", report.resumed},
                       {"harmful", report.harmful},
                       {"lacking", report.lacking},
                       {"counts", Json::object(std::move(counts))}});
}

std::string verdict_text(const VerifyReport& report) {
  std::uint64_t all = 0;
  for (const auto& [kind, count] : report.findings) {
    all += count;
  }
  return std::to_string(report.objects) + " objects; " + std::to_string(report.objects_read) +
         " of " + std::to_string(report.packages) + " packages read (" +
         human_size(report.bytes_read) + "), " + std::to_string(report.environments) +
         " environments, " + std::to_string(report.aliases) + " aliases; " +
         (all == 0 ? "all is well"
                   : std::to_string(report.harmful) + " harmful findings, " +
                         std::to_string(report.lacking) + " things lacking, " +
                         std::to_string(all - report.harmful - report.lacking) + " notes");
}

class StoreVerifyVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "store verify",
        .usage = "[--store URL] [--sample PERCENT] [--state FILE] [OPTIONS]",
        .summary = "Read a store and say what in it isn't as it should be",
        .description =
            "Reads every package and compares its hash with the one in its key, which readers "
            "never do; looks at every key, description and alias. Finds packages that are "
            "altered or truncated, slots with several hashes, objects where none may be, keys "
            "that show secrets, environments that name what isn't there, aliases that lead "
            "nowhere. Changes nothing.\n\n"
            "Ends with 0 if all is well, 3 if readers would get wrong bytes or give up, or a "
            "secret is shown, 1 if only something is lacking.",
        .examples = {{.command = "athanor store verify --store s3://bucket/conda_env --sample 5",
                      .says = "Every night another twentieth."},
                     {.command = "athanor store verify --state verify.state --max-rate 20M",
                      .says = "Slowly, and after an interruption from where it was."}}};
  }

  void declare(cli::OptionTable& table) override {
    access_.declare(table);
    flags_.declare(table);
    access_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(access_.open(context));
    ATHANOR_ASSIGN(const VerifyOptions options, flags_.options(context));
    Json listed = Json::array();
    const Upkeep upkeep = access_.upkeep(context);
    auto report = verify_store(upkeep, options, [&](const Finding& finding) -> Result<void> {
      if (context.common.output == OutputFormat::json) {
        if (listed.size() < k_listed) {
          listed.push_back(finding_to_json(finding));
        }
      } else if (context.common.output == OutputFormat::jsonl) {
        Json event = finding_to_json(finding);
        event.set("event", "finding");
        context.out << dump_json(event) << '\n';
      } else if (gravity_of(finding) != Gravity::note || context.common.quiet == 0) {
        context.out << show_finding(finding) << '\n';
      }
      return {};
    });
    access_.finish(context);
    if (!report) {
      return kept(std::move(report).error(), options);
    }
    if (context.common.output == OutputFormat::text) {
      context.out << verdict_text(*report) << '\n';
    } else {
      Json json = report_json(*report);
      if (context.common.output == OutputFormat::json) {
        json.set("findings", std::move(listed));
      }
      access_.print_json(context, std::move(json));
    }
    return report->harmful > 0   ? cli::ExitStatus::refused
           : report->lacking > 0 ? cli::ExitStatus::partial
                                 : cli::ExitStatus::ready;
  }

 private:
  static Error kept(Error error, const VerifyOptions& options) {
    if (options.state && error.hint.empty() &&
        (error.kind == ErrorKind::canceled || error.kind == ErrorKind::retry)) {
      error.hint = "type it again to go on from '" + options.state->string() + "'";
    }
    return error;
  }

  StoreAccess access_;
  VerifyFlags flags_;
};

}  // namespace

std::unique_ptr<Verb> make_store_verify_verb() {
  return std::make_unique<StoreVerifyVerb>();
}

}  // namespace athanor::coordinator
