#pragma once

#include "shared/auth/access.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/log/log.hpp"
#include "shared/protocol/messages.hpp"
#include "worker/pipeline/pipeline.hpp"
#include "worker/workspace/workspace.hpp"

#include <filesystem>
#include <memory>

namespace athanor::worker {

// What a worker works with, whatever the coordinator's settings say.
struct Premises {
  const Access& access;  // how origins are reached from this machine
  Workspace& workspace;
  const Clock& clock;
  Logger& log;
  std::filesystem::path cache_directory;  // for channels' indices
  unsigned cpu = 1;                       // jobs that may use a processor at once
};

// A pipeline that does jobs of every kind, together with the store and the HTTP client that it
// stands on: what is done as the coordinator's settings say, where and how as the premises do. At
// its end it logs what the store was asked. The error is open_store's or the client's. Workspace,
// clock and log outlive it.
Result<std::shared_ptr<Pipeline>> equip(const protocol::WorkSettings& settings,
                                        const Premises& premises);

}  // namespace athanor::worker
