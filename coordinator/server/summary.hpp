#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/server/batch_book.hpp"
#include "coordinator/server/coordinator.hpp"
#include "shared/base/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace athanor::coordinator {

// Adds up what a run came to, from the same events that everybody sees.
class SummaryBuilder {
 public:
  void on_event(const RunEvent& event);
  // Everything so far; what no event has told of is unfinished.
  RunSummary build(const BatchBook& batches) const;

 private:
  RunSummary totals_;
  std::map<JobId, JobFailed> failed_;
  std::map<std::pair<BatchId, std::size_t>, EnvironmentResult> environments_;
  std::set<JobId> done_;
};

// What a person should know of peers that were cut off, in one sentence; absent if there were none.
std::optional<std::string> trouble_with_peers(std::uint64_t violations,
                                              const transport::RouterCounts& counts);

}  // namespace athanor::coordinator
