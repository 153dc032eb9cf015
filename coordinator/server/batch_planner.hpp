#pragma once

#include "coordinator/assemble/publish.hpp"
#include "coordinator/core/submission.hpp"
#include "coordinator/plan/plan.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/layout/layout.hpp"
#include "shared/net/origin_map.hpp"
#include "shared/store/store.hpp"

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// What planning a submission gives: everything that a batch needs from then on.
struct PlannedBatch {
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<EnvironmentPublisher> publisher;
  Submission submission;
  std::vector<std::string> conflicts;  // one sentence each
  std::uint64_t saved_by_dedupe = 0;   // bytes, as far as sizes are known
};

// Makes plans of submission documents. Thread-safe: plans are made on threads that may block.
class BatchPlanner {
 public:
  // Store, layout and clock outlive it and every batch that it planned.
  BatchPlanner(Store& store, const Layout& layout, const Clock& clock, OriginMap origin_map,
               bool allow_file_origins)
      : store_(store),
        layout_(layout),
        clock_(clock),
        origin_map_(std::move(origin_map)),
        allow_file_origins_(allow_file_origins) {}

  // Asks the store what it has, so it may take a while. Errors: the document's (corrupt,
  // unsupported, invalid), rejected (it names local files, which this coordinator doesn't fetch),
  // the store's.
  Result<PlannedBatch> plan(std::string_view document, std::string_view secrets,
                            std::stop_token stop) const;

 private:
  Result<void> check(const IntakeResult& intake) const;

  Store& store_;
  const Layout& layout_;
  const Clock& clock_;
  const OriginMap origin_map_;
  const bool allow_file_origins_;
};

}  // namespace athanor::coordinator
