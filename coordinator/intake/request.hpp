#pragma once

#include "shared/conda/source_url.hpp"
#include "shared/digest/digest.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// Every member below has a value to begin with, so that designated initialisers may leave members
// out.

// Where something stands in what a person handed in.
struct InputPosition {
  std::string file = {};  // as typed; "<stdin>" for "-"
  std::size_t line = 0;   // from 1; 0 if the whole file is meant
};

// One package of an environment, exactly.
struct PackageReference {
  SourceUrl source;
  ExpectedDigest expected = {};
  InputPosition position = {};
};

// Why something that an input names is not among the packages.
enum class SkipReason {
  source_package,   // built on the spot from sources: there is no artifact
  local_or_vcs,     // a path on some machine or a revision of a repository: nothing to fetch
  virtual_package,  // "__osx": describes the machine, holds no files
  duplicate,        // the same artifact once more in the same environment
};
std::string_view to_string(SkipReason reason);  // "source package", ...: for people

// A reference of an input that can't be cached, or needn't be.
struct SkippedReference {
  PackageType type = PackageType::conda;
  std::string text = {};  // as spelled, without credentials
  SkipReason reason = SkipReason::source_package;
  InputPosition position = {};
};

// category → specs, as the ids hash them: deps {"conda": ["python==3.8.*"], "pypi": …, "npconda":
// …, "sys": …}, sources {"conda": ["conda-forge"], "pypi": …}, extras {"pypi": ["--pre"]}.
using SpecsByCategory = std::map<std::string, std::vector<std::string>>;

struct Requirements {
  SpecsByCategory deps = {};
  SpecsByCategory sources = {};
  SpecsByCategory extras = {};
};

// Where the requirement of a lock input came from; `plan` tells the person when it is only exact.
enum class RequirementOrigin {
  given,      // --requirements, or the input itself says it (environment descriptions)
  manifest,   // the manifest that the lock names or that lies beside it
  exact_set,  // nothing known: conda::name==version=build for every package
};

// One asked-for environment for one platform, with exact packages in installation order.
struct EnvironmentRequest {
  std::string name = {};      // for people and --environment: "default", a file's stem, ...
  std::string platform = {};  // conda's name: "linux-64"
  // What the input calls the platform. In pixi.lock 7 that is free text ("linux-64-cuda"), and one
  // environment may have several for one platform; everywhere else it equals `platform`.
  std::string platform_label = {};
  // Environments with the same non-empty group were resolved together and share their full id.
  std::string coresolve_group = {};
  Requirements requirements = {};
  RequirementOrigin requirement_origin = RequirementOrigin::exact_set;
  std::vector<PackageReference> packages = {};
  std::vector<SkippedReference> skipped = {};
  std::vector<std::string> aliases = {};        // "name:tag" to publish
  std::optional<std::string> resolved_on = {};  // ISO time as the input gives it; absent: now
  std::optional<std::string> resolved_by = {};  // absent: the configured user
  InputPosition position = {};

  // Whether the packages are all that the environment consists of. A description of one that isn't
  // whole would promise an environment that nobody can create, so it must not be published.
  bool is_whole() const;
};

// What all inputs together ask for.
struct IntakeResult {
  std::vector<EnvironmentRequest> environments = {};
  std::vector<PackageReference> loose_packages = {};  // of URL lists: cached, but no environment
  std::vector<SkippedReference> loose_skipped = {};   // of URL lists
  std::vector<std::string> warnings = {};             // whole sentences for a person
};

}  // namespace athanor::coordinator
