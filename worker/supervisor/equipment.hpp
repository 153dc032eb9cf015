#pragma once

#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/messages.hpp"
#include "worker/pipeline/pipeline.hpp"
#include "worker/workspace/workspace.hpp"

#include <memory>

namespace athanor::worker {

// A pipeline together with the store and the HTTP client that it stands on, as the coordinator's
// settings say. The error is open_store's or the client's. Workspace and clock outlive it.
Result<std::shared_ptr<Pipeline>> equip(const protocol::WorkSettings& settings, unsigned cpu,
                                        Workspace& workspace, const Clock& clock);

}  // namespace athanor::worker
