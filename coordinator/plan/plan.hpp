#pragma once

#include "coordinator/intake/request.hpp"
#include "coordinator/plan/survey.hpp"
#include "shared/layout/layout.hpp"
#include "shared/net/origin_map.hpp"
#include "shared/protocol/job.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// One distinct source and who waits for it.
struct PlannedPackage {
  JobSpec spec;
  bool needed = false;                    // something wanted is missing: a job
  std::vector<std::size_t> environments;  // indices into Plan::environments, each once, sorted
  // For a person: what the survey found against it. Such a package can't be made ready, and no job
  // is made of it.
  std::vector<std::string> conflicts;
};

struct PlannedEnvironment {
  EnvironmentRequest request;
  std::vector<std::size_t> packages;  // indices into Plan::packages, in installation order
};

struct PlanTotals {
  std::uint64_t references = 0;     // package × environment
  std::uint64_t distinct = 0;       // sources
  std::uint64_t present = 0;        // sources with every wanted format in the store
  std::uint64_t to_fetch = 0;       // sources whose bytes must come from an origin
  std::uint64_t to_transmute = 0;   // formats to be made
  std::uint64_t bytes_known = 0;    // of what is to be fetched, where the input gives sizes
  std::uint64_t bytes_unknown = 0;  // sources to be fetched without a known size
};

// What must be done; nothing has happened yet.
struct Plan {
  std::vector<PlannedPackage> packages;  // one per distinct source URL, in order of first mention
  std::vector<PlannedEnvironment> environments;
  PlanTotals totals;
  // noarch packages count where they are used; packages of URL lists under k_no_platform.
  std::map<std::string, PlanTotals> by_platform;
  // Where packages are to be fetched from, after the origin map: netloc, or "file://" → packages.
  std::map<std::string, std::uint64_t> requests_per_origin;
  std::vector<std::string> warnings;  // whole sentences: the intake's, then the planner's
};

// What stands for a platform where packages belong to no environment.
inline constexpr std::string_view k_no_platform = "(none)";

// Which formats of a conda package are made present. pypi packages are stored as they are.
enum class FormatChoice {
  source_and_conda,  // the default
  source,
  conda,
  tar_bz2,
  both,
};
// "default", "source", "conda", "tar.bz2", "both".
std::string_view to_string(FormatChoice choice);
std::optional<FormatChoice> format_choice_from_string(std::string_view name);

struct PlanOptions {
  FormatChoice formats = FormatChoice::source_and_conda;
  OriginMap origin_map;  // for counting requests; the workers' must be the same
};

// Puts requests and what the store holds together. Pure. Never drops anything: each reference of
// each environment is in it, and two sources with equal file names are two packages. A source is
// its place in the store, so the http and https URLs of one file are one package.
//
// The source's own format is wanted beside a single other one wherever no input, or more than one,
// says what its hash is: environment ids are made of it.
//
// A package whose object in the store contradicts everything that inputs say is a conflict.
Plan make_plan(IntakeResult intake, const Survey& survey, const Layout& layout,
               const PlanOptions& options);

}  // namespace athanor::coordinator
