#include "coordinator/assemble/assemble.hpp"

#include "coordinator/assemble/package_facts.hpp"
#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <set>
#include <unordered_set>
#include <utility>

namespace athanor::coordinator {
namespace {

// What is in `more` and not in `specs` yet, in the order given.
void merge_specs(DescribedSpecs& specs, const SpecsByCategory& more) {
  for (const auto& [category, values] : more) {
    std::vector<std::string>& known = specs[category];
    std::unordered_set<std::string> seen(known.begin(), known.end());
    for (const std::string& value : values) {
      if (seen.insert(value).second) {
        known.push_back(value);
      }
    }
  }
}

// What keeps a description of the environment from being true.
Result<void> check_whole(const EnvironmentRequest& request) {
  if (request.is_whole()) {
    return {};
  }
  const SkippedReference& first =
      *std::ranges::find_if(request.skipped, [](const SkippedReference& reference) {
        return reference.reason != SkipReason::virtual_package &&
               reference.reason != SkipReason::duplicate;
      });
  std::string where = printable(first.position.file, 300);
  if (first.position.line > 0) {
    where += ":" + std::to_string(first.position.line);
  }
  return make_error(ErrorKind::unsupported,
                    "the environment '" + printable(request.name, 200) +
                        "' can't be described, because it holds more than packages that can be "
                        "cached: " +
                        where + " names '" + printable(first.text, 200) + "' (" +
                        std::string(to_string(first.reason)) + ")",
                    "its packages are in the store; publish what it is built from, and lock again");
}

}  // namespace

Assembler::Assembler(const Plan& plan)
    : plan_(plan) {
  std::unordered_map<std::string, std::size_t> by_name;
  std::set<std::pair<std::size_t, std::string>> taken;
  for (std::size_t i = 0; i < plan_.environments.size(); ++i) {
    const EnvironmentRequest& request = plan_.environments[i].request;
    std::size_t group = groups_.size();
    if (!request.coresolve_group.empty()) {
      group = by_name.try_emplace(request.coresolve_group, group).first->second;
      if (!taken.emplace(group, request.platform).second) {
        group = groups_.size();
      }
    }
    if (group == groups_.size()) {
      groups_.emplace_back();
    }
    groups_[group].push_back(i);
    group_of_.push_back(group);
  }
  for (auto& group : groups_) {
    std::ranges::sort(group, {}, [&](std::size_t i) -> const std::string& {
      return plan_.environments[i].request.platform;
    });
  }
}

const std::vector<std::size_t>& Assembler::members(std::size_t environment) const {
  ATHANOR_CHECK(environment < group_of_.size());
  return groups_[group_of_[environment]];
}

bool Assembler::is_complete(std::size_t environment) const {
  return std::ranges::all_of(plan_.environments[environment].packages, [&](std::size_t package) {
    return !plan_.packages[package].needed && plan_.packages[package].conflicts.empty();
  });
}

std::vector<std::size_t> Assembler::packages_to_wait_for(std::size_t environment) const {
  std::set<std::size_t> packages;
  for (const std::size_t member : members(environment)) {
    const PlannedEnvironment& planned = plan_.environments[member];
    for (std::size_t i = 0; i < planned.packages.size(); ++i) {
      const PlannedPackage& package = plan_.packages[planned.packages[i]];
      const bool own = member == environment;
      if (package.needed &&
          (own || !PackageFacts(planned.request.packages[i], package, nullptr).own_hash())) {
        packages.insert(planned.packages[i]);
      }
    }
  }
  return {packages.begin(), packages.end()};
}

Assembler::Requirement Assembler::requirement(std::size_t environment) const {
  Requirement requirement;
  for (const std::size_t member : members(environment)) {
    const Requirements& asked = plan_.environments[member].request.requirements;
    merge_specs(requirement.deps, asked.deps);
    merge_specs(requirement.sources, asked.sources);
    merge_specs(requirement.extras, asked.extras);
  }
  return requirement;
}

// What a full id is made of, and nothing else.
Result<EnvironmentDescription> Assembler::hashes_only(std::size_t environment,
                                                      const PackageResults& results) const {
  const PlannedEnvironment& planned = plan_.environments[environment];
  EnvironmentDescription description;
  description.platform = planned.request.platform;
  description.packages.reserve(planned.packages.size());
  for (std::size_t i = 0; i < planned.packages.size(); ++i) {
    const std::size_t index = planned.packages[i];
    const PackageReference& reference = planned.request.packages[i];
    const auto hash = PackageFacts(reference, plan_.packages[index], results(index)).own_hash();
    if (!hash) {
      return make_error(
          ErrorKind::not_found,
          printable(reference.source.text()) +
              ": its hash is not known, and the ids of all platforms of the environment are made "
              "of it");
    }
    const Format own = reference.source.format();
    description.packages.push_back({.type = reference.source.type(),
                                    .filename = reference.source.stem(),
                                    .url = {},
                                    .url_format = own,
                                    .formats = {{.format = own, .hash = *hash, .key = {}}}});
  }
  return description;
}

Result<std::string> Assembler::full_id_of(std::size_t environment,
                                          const PackageResults& results) const {
  std::vector<EnvironmentDescription> descriptions;
  for (const std::size_t member : members(environment)) {
    ATHANOR_ASSIGN(auto description, hashes_only(member, results));
    descriptions.push_back(std::move(description));
  }
  if (descriptions.size() == 1) {
    return full_id(descriptions.front());
  }
  std::vector<const EnvironmentDescription*> pointers;
  for (const EnvironmentDescription& description : descriptions) {
    pointers.push_back(&description);
  }
  return coresolved_full_id(pointers);
}

Result<EnvironmentIds> Assembler::ids(std::size_t environment,
                                      const PackageResults& results) const {
  const Requirement asked = requirement(environment);
  ATHANOR_ASSIGN(std::string full_id, full_id_of(environment, results));
  return EnvironmentIds{.req_id = requirement_id(asked.deps, asked.sources, asked.extras),
                        .full_id = std::move(full_id)};
}

Result<EnvironmentDescription> Assembler::assemble(std::size_t environment,
                                                   const PackageResults& results, std::string now,
                                                   std::string user) const {
  const PlannedEnvironment& planned = plan_.environments[environment];
  ATHANOR_TRY(check_whole(planned.request));
  Requirement asked = requirement(environment);
  EnvironmentDescription description;
  description.platform = planned.request.platform;
  description.deps = std::move(asked.deps);
  description.sources = std::move(asked.sources);
  description.extras = std::move(asked.extras);
  description.resolved_on = planned.request.resolved_on.value_or(std::move(now));
  description.resolved_by = planned.request.resolved_by.value_or(std::move(user));
  for (const std::size_t member : members(environment)) {
    description.resolved_archs.push_back(plan_.environments[member].request.platform);
  }
  description.packages.reserve(planned.packages.size());
  for (std::size_t i = 0; i < planned.packages.size(); ++i) {
    const std::size_t index = planned.packages[i];
    ATHANOR_ASSIGN(DescribedPackage package,
                   PackageFacts(planned.request.packages[i], plan_.packages[index], results(index))
                       .describe());
    description.packages.push_back(std::move(package));
  }
  return description;
}

Result<void> Assembler::check(std::size_t environment, const PackageResults& results) const {
  const PlannedEnvironment& planned = plan_.environments[environment];
  for (std::size_t i = 0; i < planned.packages.size(); ++i) {
    const std::size_t index = planned.packages[i];
    ATHANOR_TRY(PackageFacts(planned.request.packages[i], plan_.packages[index], results(index))
                    .describe());
  }
  return {};
}

std::string python_isoformat(WallTime time) {
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  const std::int64_t fraction = ((micros % 1'000'000) + 1'000'000) % 1'000'000;
  const std::time_t seconds = (micros - fraction) / 1'000'000;
  std::tm utc{};
  ATHANOR_CHECK(gmtime_r(&seconds, &utc) != nullptr);
  std::array<char, 64> buffer{};
  const std::size_t length = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::string text(buffer.data(), length);
  if (fraction != 0) {
    const std::string digits = std::to_string(fraction);
    text += "." + std::string(6 - digits.size(), '0') + digits;
  }
  return text;
}

}  // namespace athanor::coordinator
