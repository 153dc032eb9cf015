#pragma once

#include "coordinator/intake/request.hpp"
#include "shared/protocol/job.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace athanor::coordinator {

// What the store holds of one source.
struct SurveyedSource {
  std::vector<StoredFormat> formats;
  // A slot with two hash folders, a file where a folder belongs: what breaks readers. For a person.
  std::vector<std::string> conflicts;
};
using Survey = std::map<std::string, SurveyedSource>;  // by SourceUrl::text()

// One distinct source and who waits for it.
struct PlannedPackage {
  JobSpec spec;
  bool needed = false;                    // something wanted is missing: a job
  std::vector<std::size_t> environments;  // indices into Plan::environments
  std::vector<std::string> conflicts;     // from the survey; such a package can't be made ready
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
  std::map<std::string, PlanTotals> by_platform;  // noarch packages count where they are used
  std::map<std::string, std::uint64_t> requests_per_origin;  // netloc → packages to be fetched
  std::vector<std::string> warnings;
};

}  // namespace athanor::coordinator
