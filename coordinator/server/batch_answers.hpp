#pragma once

#include "coordinator/core/core.hpp"
#include "coordinator/document/batch_snapshot.hpp"
#include "coordinator/server/batch_desk.hpp"
#include "coordinator/server/verdict.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/ids.hpp"
#include "shared/json/json.hpp"

#include <string_view>

// What a service answers about its batches, as the JSON that clients print. Nothing here changes
// anything.
namespace athanor::coordinator {

// "planning", "working", "ready", "partial", "canceled".
std::string_view state_of(const Core& core, BatchId id);

// What a batch came to so far, or in the end. REQUIRES: the core knows the batch.
Verdict verdict_of(const Core& core, BatchId id, const DeskBatch& batch);
BatchSnapshot snapshot_of(const Core& core, BatchId id, const DeskBatch& batch, TimePoint now);

// One line of `batch list`.
Json batch_line(const Core& core, BatchId id, const DeskBatch& batch);
// All of `batch show`: the line, the verdict, each environment.
Json batch_document(const Core& core, BatchId id, const DeskBatch& batch);

}  // namespace athanor::coordinator
