#pragma once

#include "coordinator/core/events.hpp"
#include "coordinator/document/submission_document.hpp"
#include "shared/base/ids.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"

#include <optional>
#include <vector>

namespace athanor::coordinator {

// An event as one object with "event": what watching clients are sent and `--output jsonl` prints.
// Environments are named by number and, as far as `environments` knows them, by name and platform.
Json event_object(const RunEvent& event, const std::vector<EnvironmentLabel>& environments);

// The event again, as far as a watcher needs it; nothing for events that aren't known here (a newer
// coordinator's) or are of no use to a watcher.
std::optional<RunEvent> event_from_object(const Json& object, BatchId batch);

}  // namespace athanor::coordinator
