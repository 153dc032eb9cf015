#pragma once

#include "coordinator/plan/plan.hpp"
#include "shared/base/result.hpp"
#include "shared/environment/description.hpp"
#include "shared/protocol/job.hpp"

#include <optional>
#include <string>
#include <vector>

namespace athanor::coordinator {

// Everything known about one package of one environment: what its input says, what the plan wants,
// what the store or the job found. A view: all three outlive it.
class PackageFacts {
 public:
  // `result` may be null: there was no job.
  PackageFacts(const PackageReference& reference, const PlannedPackage& package,
               const JobSuccess* result);

  // The hash of the source's own bytes, as it names objects: as the input says it, else as found.
  std::optional<std::string> own_hash() const;

  // The package as a description holds it. Errors: see Assembler::assemble.
  Result<DescribedPackage> describe() const;

 private:
  const StoredFormat* stored(Format format) const;
  Result<void> check_expected() const;
  Error disagrees(const std::string& found) const;
  std::string where() const;

  const PackageReference& reference_;
  const PlannedPackage& package_;
  const JobSuccess* result_;
  const std::vector<StoredFormat>& formats_;  // in the store
};

}  // namespace athanor::coordinator
