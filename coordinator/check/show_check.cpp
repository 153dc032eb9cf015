#include "coordinator/check/check.hpp"
#include "shared/base/strings.hpp"

#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_shown_reasons = 5;

void append_environment(std::string& out, const EnvironmentCheck& check) {
  out += "not ready  " + printable(check.platform) + "  " + printable(check.name) + "\n";
  for (std::size_t i = 0; i < check.reasons.size() && i < k_shown_reasons; ++i) {
    out += "    " + check.reasons[i] + "\n";
  }
  const std::size_t all = check.reasons.size() + check.more_reasons;
  if (all > k_shown_reasons) {
    out += "    and " + std::to_string(all - k_shown_reasons) + " more reasons\n";
  }
}

Json strings(const std::vector<std::string>& values) {
  Json::Array items;
  for (const std::string& value : values) {
    items.emplace_back(value);
  }
  return items;
}

}  // namespace

std::string show_check(const CheckReport& report) {
  std::string out;
  for (const EnvironmentCheck& check : report.environments) {
    if (!check.ready()) {
      append_environment(out, check);
    }
  }
  for (const std::string& problem : report.problems) {
    out += "problem    " + problem + "\n";
  }
  out += std::to_string(report.ready()) + " of " + std::to_string(report.environments.size()) +
         (report.environments.size() == 1 ? " environment starts" : " environments start") +
         " with zero downloads from the web\n";
  return out;
}

Json check_to_json(const CheckReport& report) {
  Json::Array environments;
  for (const EnvironmentCheck& check : report.environments) {
    environments.push_back(Json::object({{"name", check.name},
                                         {"platform", check.platform},
                                         {"key", check.key},
                                         {"packages", std::uint64_t{check.packages}},
                                         {"ready", check.ready()},
                                         {"reasons", strings(check.reasons)},
                                         {"more_reasons", std::uint64_t{check.more_reasons}}}));
  }
  return Json::object({{"schema", 1},
                       {"kind", "check"},
                       {"ready", std::uint64_t{report.ready()}},
                       {"of", std::uint64_t{report.environments.size()}},
                       {"environments", std::move(environments)},
                       {"problems", strings(report.problems)}});
}

}  // namespace athanor::coordinator
