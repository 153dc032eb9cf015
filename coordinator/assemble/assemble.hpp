#pragma once

#include "coordinator/plan/plan.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/environment/description.hpp"
#include "shared/layout/layout.hpp"
#include "shared/protocol/job.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace athanor::coordinator {

// What a package's job found, by index into Plan::packages. Null: there was no job, because the
// survey had found everything (JobSpec::present).
using PackageResults = std::function<const JobSuccess*(std::size_t package)>;

struct EnvironmentIds {
  std::string req_id;
  std::string full_id;
};

// Makes descriptions of a plan's environments. Pure; thread-safe. The plan must outlive it.
//
// Environments of one group share a full id, made of the packages of all of them, and one
// requirement: where the platforms' requirements differ, what they ask for together. So an alias,
// which knows no platform, leads to all of them. If a platform is in a group more than once, the
// first stands for the group and the others for themselves.
class Assembler {
 public:
  explicit Assembler(const Plan& plan);

  const Plan& plan() const { return plan_; }

  // Packages whose jobs must be done before the environment can be assembled, each once, sorted:
  // its own, and those of its group whose hash no input says. Only packages that are `needed`.
  std::vector<std::size_t> packages_to_wait_for(std::size_t environment) const;

  // Whether the survey had found every package of it whole, so that nothing is left but documents.
  bool is_complete(std::size_t environment) const;

  // The ids alone: cheap. Errors as for assemble().
  Result<EnvironmentIds> ids(std::size_t environment, const PackageResults& results) const;

  // The description, with every format that is in the store. Errors: not_found (a wanted format of
  // a package is not in the store), corrupt (what an input says about a package is not what the
  // store or the origin holds; the message says both and where it stands), rejected (the store's
  // own state keeps a package from becoming ready), unsupported (the environment isn't whole:
  // EnvironmentRequest::is_whole).
  Result<EnvironmentDescription> assemble(std::size_t environment, const PackageResults& results,
                                          std::string now, std::string user) const;
  // Whether assemble() would succeed, without making anything.
  Result<void> check(std::size_t environment, const PackageResults& results) const;

 private:
  struct Requirement {
    DescribedSpecs deps;
    DescribedSpecs sources;
    DescribedSpecs extras;
  };

  const std::vector<std::size_t>& members(std::size_t environment) const;
  Requirement requirement(std::size_t environment) const;
  Result<EnvironmentDescription> hashes_only(std::size_t environment,
                                             const PackageResults& results) const;
  Result<std::string> full_id_of(std::size_t environment, const PackageResults& results) const;

  const Plan& plan_;
  std::vector<std::vector<std::size_t>> groups_;  // environments, sorted by platform
  std::vector<std::size_t> group_of_;             // environment → groups_
};

// Python's datetime.isoformat() in UTC: "2026-01-31T01:02:03.456789", no fraction if it is 0.
std::string python_isoformat(WallTime time);

}  // namespace athanor::coordinator
