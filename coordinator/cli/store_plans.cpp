#include "coordinator/cli/store_plans.hpp"

#include "shared/base/random.hpp"
#include "shared/base/units.hpp"

#include <ostream>

namespace athanor::coordinator {
namespace {

Json apply_json(const ApplyReport& report) {
  return Json::object({{"schema", 1},
                       {"id", report.id},
                       {"taken_away", report.taken_away},
                       {"bytes", report.bytes},
                       {"moved", report.moved},
                       {"put_back", report.put_back},
                       {"left_alone", Json::object({{"gone", report.gone},
                                                    {"changed", report.changed},
                                                    {"young", report.young},
                                                    {"needed", report.needed},
                                                    {"place_taken", report.taken}})}});
}

std::string apply_text(const ApplyReport& report) {
  std::string text =
      std::to_string(report.taken_away) + " objects taken away (" + human_size(report.bytes) + ")";
  text += report.moved == 0 ? "" : ", " + std::to_string(report.moved) + " of them moved";
  if (report.left_alone() > 0) {
    text += "; left alone:";
    const char* separator = " ";
    for (const auto& [count, why] : {std::pair<std::uint64_t, const char*>{report.gone, "gone"},
                                     {report.changed, "changed"},
                                     {report.young, "written again"},
                                     {report.needed, "needed"},
                                     {report.taken, "whose place is taken"}}) {
      if (count > 0) {
        text += separator + std::to_string(count) + " " + why;
        separator = ", ";
      }
    }
  }
  if (report.put_back > 0) {
    text += "; " + std::to_string(report.put_back) + " put back, because they are needed now";
  }
  return text + "\n";
}

}  // namespace

Error needs_yes(const std::string& what) {
  return make_error(ErrorKind::invalid, what, "nothing was changed; give --yes to do it");
}

Result<cli::ExitStatus> apply_and_tell(VerbContext& context, StoreAccess& access,
                                       const std::filesystem::path& plan) {
  const Upkeep upkeep = access.upkeep(context);
  Random random = Random::from_entropy();
  const auto report = apply_plan(upkeep, plan, random.next());
  access.finish(context);
  if (!report) {
    return report.error();
  }
  if (context.common.output != OutputFormat::text) {
    access.print_json(context, apply_json(*report));
    return cli::ExitStatus::ready;
  }
  context.out << apply_text(*report);
  if (!report->id.empty()) {
    context.out << "to take it back: athanor store gc undo " << report->id << " --store "
                << access.store().url() << '\n';
  }
  return cli::ExitStatus::ready;
}

}  // namespace athanor::coordinator
