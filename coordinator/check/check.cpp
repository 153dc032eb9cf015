#include "coordinator/check/check.hpp"

#include "coordinator/assemble/assemble.hpp"
#include "coordinator/check/inspector.hpp"
#include "coordinator/plan/parallel.hpp"
#include "coordinator/plan/plan.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace athanor::coordinator {
namespace {

// Descriptions in memory at a time; a large one has 1 MB.
constexpr std::size_t k_chunk = 256;
constexpr unsigned k_parallel_reads = 16;
constexpr std::uint64_t k_alias_bytes = 1'024;

Result<void> inspect_in_chunks(Inspector& inspector, std::span<const CheckTarget> targets) {
  for (std::size_t begin = 0; begin < targets.size(); begin += k_chunk) {
    ATHANOR_TRY(
        inspector.inspect(targets.subspan(begin, std::min(k_chunk, targets.size() - begin))));
  }
  return {};
}

std::string name_of(const EnvironmentRequest& request) {
  return request.position.file.empty() ? request.name : request.position.file + ": " + request.name;
}

// A package without any format in the store has no slot that a description could name.
void report_missing(const Inspector& inspector, const EnvironmentRequest& request,
                    EnvironmentCheck& check) {
  for (const PackageReference& reference : request.packages) {
    const SurveyedSource* found = inspector.find(reference.source);
    if (found == nullptr || (found->formats.empty() && found->conflicts.empty())) {
      Inspector::add_reason(check, printable(reference.source.text()) + " is not in the store");
    } else {
      for (const std::string& conflict : found->conflicts) {
        Inspector::add_reason(check, conflict);
      }
    }
  }
}

Result<void> check_aliases(Store& store, const Layout& layout, const EnvironmentRequest& request,
                           const EnvironmentIds& ids, EnvironmentCheck& check) {
  for (const std::string& alias : request.aliases) {
    const auto key = layout.alias_key(alias);
    if (!key) {
      Inspector::add_reason(check, key.error().message);
      continue;
    }
    ATHANOR_ASSIGN(const auto text, read_object(store, *key, k_alias_bytes));
    if (!text) {
      Inspector::add_reason(check, "the alias '" + alias + "' is not in the store");
      continue;
    }
    const auto target = read_alias(*text);
    if (!target) {
      Inspector::add_reason(check,
                            "the alias '" + alias + "' can't be read: " + target.error().message);
    } else if (target->req_id != ids.req_id || target->full_id != ids.full_id) {
      Inspector::add_reason(check, "the alias '" + alias + "' leads to another environment, " +
                                       target->req_id + ":" + target->full_id);
    }
  }
  return {};
}

// The description that an alias leads to; absent if there is none on any platform.
Result<void> check_alias_object(Store& store, const std::string& key,
                                const std::map<std::string, std::string>& described,
                                std::mutex& mutex, CheckReport& report) {
  ATHANOR_ASSIGN(const auto text, read_object(store, key, k_alias_bytes));
  std::string problem;
  if (!text) {
    return {};  // Removed since it was listed.
  }
  const auto target = read_alias(*text);
  if (!target) {
    problem = "the alias '" + printable(key) + "' can't be read: " + target.error().message;
  } else if (!described.contains(target->req_id + "/" + target->full_id)) {
    problem = "the alias '" + printable(key) + "' leads to " + target->req_id + ":" +
              target->full_id + ", which isn't described in the store";
  } else {
    return {};
  }
  const std::lock_guard lock(mutex);
  report.problems.push_back(std::move(problem));
  return {};
}

}  // namespace

std::size_t CheckReport::ready() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(environments, [](const auto& check) { return check.ready(); }));
}

Result<CheckReport> check_requests(Store& store, const Layout& layout, IntakeResult intake,
                                   std::stop_token stop) {
  CheckReport report;
  Inspector inspector(store, layout, stop);
  ATHANOR_TRY(inspector.survey(distinct_sources(intake, layout)));
  for (const PackageReference& reference : intake.loose_packages) {
    const SurveyedSource* found = inspector.find(reference.source);
    if (found == nullptr || found->formats.empty() || !found->conflicts.empty()) {
      report.problems.push_back(printable(reference.source.text()) +
                                (found == nullptr || found->conflicts.empty()
                                     ? std::string(" is not in the store")
                                     : ": " + found->conflicts.front()));
    }
  }
  Survey survey;
  for (const SourceUrl* source : distinct_sources(intake, layout)) {
    if (const SurveyedSource* found = inspector.find(*source)) {
      survey.emplace(layout.source_prefix(*source), *found);
    }
  }
  const Plan plan = make_plan(std::move(intake), survey, layout, {});
  const Assembler assembler(plan);
  report.environments.resize(plan.environments.size());
  std::vector<CheckTarget> targets;
  for (std::size_t i = 0; i < plan.environments.size(); ++i) {
    const EnvironmentRequest& request = plan.environments[i].request;
    EnvironmentCheck& check = report.environments[i];
    check.name = name_of(request);
    check.platform = request.platform;
    check.packages = request.packages.size();
    report_missing(inspector, request, check);
    const auto ids = assembler.ids(i, [](std::size_t) { return nullptr; });
    if (!ids) {
      Inspector::add_reason(check, ids.error().message);
      continue;
    }
    check.key = layout.environment_key(request.platform, ids->req_id, ids->full_id);
    targets.push_back({.check = &check, .key = check.key});
    ATHANOR_TRY(check_aliases(store, layout, request, *ids, check));
  }
  ATHANOR_TRY(inspect_in_chunks(inspector, targets));
  return report;
}

Result<CheckReport> check_all(Store& store, const Layout& layout, std::stop_token stop) {
  CheckReport report;
  std::vector<std::string> aliases;
  std::map<std::string, std::string> described;  // "req_id/full_id" → one of its platforms
  ATHANOR_TRY(store.list(
      layout.environments_root() + "/",
      [&](const ObjectInfo& object) -> Result<void> {
        if (const auto key = layout.parse_environment_key(object.key)) {
          report.environments.push_back({.name = key->req_id + ":" + key->full_id,
                                         .platform = key->platform,
                                         .key = object.key,
                                         .packages = 0,
                                         .reasons = {},
                                         .more_reasons = 0});
          described.emplace(key->req_id + "/" + key->full_id, key->platform);
        } else if (object.key.starts_with(layout.environments_root() + "/aliases/")) {
          aliases.push_back(object.key);
        }
        return {};
      },
      stop));
  std::vector<CheckTarget> targets;
  for (EnvironmentCheck& check : report.environments) {
    targets.push_back({.check = &check, .key = check.key});
  }
  Inspector inspector(store, layout, stop);
  ATHANOR_TRY(inspect_in_chunks(inspector, targets));
  std::mutex mutex;
  ATHANOR_TRY(for_each_in_parallel(
      aliases.size(), k_parallel_reads,
      [&](std::size_t i) {
        return check_alias_object(store, aliases[i], described, mutex, report);
      },
      stop));
  std::ranges::sort(report.problems);
  return report;
}

}  // namespace athanor::coordinator
