#include "coordinator/plan/show_plan.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_columns = 7;
using Row = std::array<std::string, k_columns>;

constexpr std::size_t k_shown_conflicts = 20;

std::string bytes_text(const PlanTotals& totals) {
  std::string text = human_size(totals.bytes_known);
  if (totals.bytes_unknown > 0) {
    text += " + " + std::to_string(totals.bytes_unknown) + " of unknown size";
  }
  return text;
}

Row row_of(std::string name, const PlanTotals& totals) {
  return {std::move(name),
          std::to_string(totals.references),
          std::to_string(totals.distinct),
          std::to_string(totals.present),
          std::to_string(totals.to_fetch),
          std::to_string(totals.to_transmute),
          bytes_text(totals)};
}

// The first column stands left, the others right, but for the last, which has no end to align.
void append_table(std::string& out, const std::vector<Row>& rows) {
  std::array<std::size_t, k_columns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < k_columns; ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const Row& row : rows) {
    out += row[0] + std::string(widths[0] - row[0].size(), ' ');
    for (std::size_t i = 1; i + 1 < k_columns; ++i) {
      out += "  " + std::string(widths[i] - row[i].size(), ' ') + row[i];
    }
    out += "  " + row[k_columns - 1] + "\n";
  }
}

bool is_complete(const Plan& plan, const PlannedEnvironment& environment) {
  return std::ranges::all_of(environment.packages, [&](std::size_t index) {
    return !plan.packages[index].needed && plan.packages[index].conflicts.empty();
  });
}

std::size_t count_complete(const Plan& plan) {
  return static_cast<std::size_t>(std::ranges::count_if(
      plan.environments, [&](const auto& environment) { return is_complete(plan, environment); }));
}

void append_origins(std::string& out, const Plan& plan) {
  if (plan.requests_per_origin.empty()) {
    return;
  }
  out += "\nrequests per origin\n";
  std::vector<std::pair<std::string, std::uint64_t>> origins(plan.requests_per_origin.begin(),
                                                             plan.requests_per_origin.end());
  std::stable_sort(origins.begin(), origins.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [netloc, requests] : origins) {
    const std::string count = std::to_string(requests);
    out += std::string(count.size() < 8 ? 8 - count.size() : 0, ' ') + count + "  " +
           printable(netloc) + "\n";
  }
}

void append_conflicts(std::string& out, const Plan& plan) {
  std::size_t packages = 0;
  std::string lines;
  for (const PlannedPackage& package : plan.packages) {
    if (package.conflicts.empty() || ++packages > k_shown_conflicts) {
      continue;
    }
    lines += "  " + printable(package.spec.source_url) + "\n";
    for (const std::string& conflict : package.conflicts) {
      lines += "    " + conflict + "\n";
    }
  }
  if (packages > 0) {
    out += "\n" + std::to_string(packages) +
           " package(s) can't be made ready until a person has acted\n" + lines;
  }
  if (packages > k_shown_conflicts) {
    out += "  and " + std::to_string(packages - k_shown_conflicts) + " more\n";
  }
}

Json totals_to_json(const PlanTotals& totals) {
  return Json::object({{"references", totals.references},
                       {"distinct", totals.distinct},
                       {"present", totals.present},
                       {"to_fetch", totals.to_fetch},
                       {"to_transmute", totals.to_transmute},
                       {"bytes_known", totals.bytes_known},
                       {"bytes_unknown", totals.bytes_unknown}});
}

Json strings_to_json(const std::vector<std::string>& values) {
  Json::Array items;
  for (const std::string& value : values) {
    items.emplace_back(value);
  }
  return items;
}

Json formats_to_json(const std::vector<Format>& formats) {
  Json::Array items;
  for (const Format format : formats) {
    items.emplace_back(extension(format));
  }
  return items;
}

Json package_to_json(const PlannedPackage& package) {
  Json::Array present;
  for (const StoredFormat& stored : package.spec.present) {
    present.push_back(Json::object({{"format", extension(stored.format)},
                                    {"hash", stored.hash},
                                    {"size", stored.size},
                                    {"key", stored.key}}));
  }
  return Json::object({{"source", package.spec.source_url},
                       {"type", to_string(package.spec.type)},
                       {"needed", package.needed},
                       {"wanted", formats_to_json(package.spec.wanted)},
                       {"present", std::move(present)},
                       {"environments", std::uint64_t{package.environments.size()}},
                       {"conflicts", strings_to_json(package.conflicts)}});
}

std::string_view origin_name(RequirementOrigin origin) {
  switch (origin) {
    case RequirementOrigin::given:
      return "given";
    case RequirementOrigin::manifest:
      return "manifest";
    case RequirementOrigin::exact_set:
      break;
  }
  return "exact_set";
}

Json environment_to_json(const Plan& plan, const PlannedEnvironment& environment) {
  const EnvironmentRequest& request = environment.request;
  std::uint64_t missing = 0;
  std::uint64_t conflicting = 0;
  for (const std::size_t index : environment.packages) {
    missing += plan.packages[index].needed ? 1U : 0U;
    conflicting += plan.packages[index].conflicts.empty() ? 0U : 1U;
  }
  return Json::object({{"name", request.name},
                       {"platform", request.platform},
                       {"file", request.position.file},
                       {"packages", std::uint64_t{environment.packages.size()}},
                       {"missing", missing},
                       {"conflicting", conflicting},
                       {"requirement", origin_name(request.requirement_origin)},
                       {"aliases", strings_to_json(request.aliases)}});
}

}  // namespace

std::string show_plan(const Plan& plan) {
  std::string out;
  std::vector<Row> rows;
  rows.push_back({"platform", "references", "distinct", "present", "to fetch", "to transmute",
                  "bytes to fetch"});
  for (const auto& [platform, totals] : plan.by_platform) {
    rows.push_back(row_of(printable(platform), totals));
  }
  rows.push_back(row_of("all", plan.totals));
  append_table(out, rows);
  if (!plan.environments.empty()) {
    out += "\n" + std::to_string(count_complete(plan)) + " of " +
           std::to_string(plan.environments.size()) +
           (plan.environments.size() == 1 ? " environment has all its packages"
                                          : " environments have all their packages") +
           " in the store\n";
  }
  append_origins(out, plan);
  append_conflicts(out, plan);
  for (const std::string& warning : plan.warnings) {
    out += "\nwarning: " + warning + "\n";
  }
  return out;
}

Json plan_to_json(const Plan& plan) {
  Json::Object platforms;
  for (const auto& [platform, totals] : plan.by_platform) {
    platforms.push_back({.key = platform, .value = totals_to_json(totals)});
  }
  Json::Object origins;
  for (const auto& [netloc, requests] : plan.requests_per_origin) {
    origins.push_back({.key = netloc, .value = requests});
  }
  Json::Array environments;
  for (const PlannedEnvironment& environment : plan.environments) {
    environments.push_back(environment_to_json(plan, environment));
  }
  Json::Array packages;
  for (const PlannedPackage& package : plan.packages) {
    packages.push_back(package_to_json(package));
  }
  return Json::object({{"schema", 1},
                       {"kind", "plan"},
                       {"totals", totals_to_json(plan.totals)},
                       {"platforms", Json::object(std::move(platforms))},
                       {"requests_per_origin", Json::object(std::move(origins))},
                       {"environments_complete", std::uint64_t{count_complete(plan)}},
                       {"environments", std::move(environments)},
                       {"packages", std::move(packages)},
                       {"warnings", strings_to_json(plan.warnings)}});
}

}  // namespace athanor::coordinator
