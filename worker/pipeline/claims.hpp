#pragma once

#include "shared/base/result.hpp"
#include "worker/pipeline/job_context.hpp"

#include <optional>
#include <string>

namespace athanor::worker {

// Who may fill an empty slot, agreed upon through the store by workers of coordinators that don't
// know each other: the first to create the claim object, whose content is the key it will write.
//
// Announces `key` for the slot. Returns nothing if the slot is ours to fill. Otherwise somebody
// else's claim was there: waits for that object and returns it, to be adopted; if it doesn't appear
// in time, takes the claim over. retry: the claim changed hands too often meanwhile.
Result<std::optional<StoredFormat>> claim_slot(JobContext& context, Format format,
                                               const std::string& key, std::uint64_t size);

// Whether the claim still names our key: it doesn't when we were so slow that somebody took over.
Result<bool> still_claimed(JobContext& context, Format format, const std::string& key);

}  // namespace athanor::worker
