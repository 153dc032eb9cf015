#pragma once

#include "shared/conda/source_url.hpp"
#include "shared/digest/digest.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace athanor::coordinator {

// Where something stands in what a person handed in.
struct InputPosition {
  std::string file;      // as typed; "<stdin>" for "-"
  std::size_t line = 0;  // from 1; 0 if the whole file is meant
};

// One package of an environment, exactly.
struct PackageReference {
  SourceUrl source;
  ExpectedDigest expected;
  InputPosition position;
};

// category → specs, as the ids hash them: deps {"conda": ["python==3.8.*"], "pypi": …, "npconda":
// …, "sys": …}, sources {"conda": ["conda-forge"], "pypi": …}, extras {"pypi": ["--pre"]}.
using SpecsByCategory = std::map<std::string, std::vector<std::string>>;

struct Requirements {
  SpecsByCategory deps;
  SpecsByCategory sources;
  SpecsByCategory extras;
};

// Where the requirement of a lock input came from; `plan` tells the person when it is only exact.
enum class RequirementOrigin {
  given,      // --requirements, or the input itself says it (environment descriptions)
  manifest,   // the manifest that the lock names or that lies beside it
  exact_set,  // nothing known: conda::name==version=build for every package
};

// One asked-for environment for one platform, with exact packages in installation order.
struct EnvironmentRequest {
  std::string name;      // for people and --environment: "default", a file's stem, ...
  std::string platform;  // conda's name: "linux-64"
  // Environments with the same non-empty group were resolved together and share their full id.
  std::string coresolve_group;
  Requirements requirements;
  RequirementOrigin requirement_origin = RequirementOrigin::exact_set;
  std::vector<PackageReference> packages;
  std::vector<std::string> aliases;        // "name:tag" to publish
  std::optional<std::string> resolved_on;  // ISO time as the input gives it; absent: now
  std::optional<std::string> resolved_by;  // absent: the configured user
  InputPosition position;
};

// What all inputs together ask for.
struct IntakeResult {
  std::vector<EnvironmentRequest> environments;
  std::vector<PackageReference> loose_packages;  // of URL lists: cached, but no environment
  std::vector<std::string> warnings;             // whole sentences for a person
};

}  // namespace athanor::coordinator
