#pragma once

#include "shared/auth/access.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/protocol/messages.hpp"
#include "worker/pipeline/pipeline.hpp"
#include "worker/workspace/workspace.hpp"

#include <memory>

namespace athanor::worker {

// A pipeline together with the store and the HTTP client that it stands on: what is done as the
// coordinator's settings say, origins reached as this machine's `access` says. The error is
// open_store's or the client's. Workspace and clock outlive it.
Result<std::shared_ptr<Pipeline>> equip(const protocol::WorkSettings& settings,
                                        const Access& access, unsigned cpu, Workspace& workspace,
                                        const Clock& clock);

}  // namespace athanor::worker
