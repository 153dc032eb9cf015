#pragma once

#include "shared/archive/transmute.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/random.hpp"
#include "shared/net/http_client.hpp"
#include "shared/net/retry.hpp"
#include "shared/protocol/messages.hpp"
#include "shared/store/store.hpp"
#include "worker/pipeline/pipeline.hpp"
#include "worker/workspace/workspace.hpp"

#include <chrono>
#include <memory>

namespace athanor::worker {

// What a pipeline stands on. All of it outlives the pipeline and is thread-safe (but `random`,
// which is copied).
struct PipelineParts {
  Store& store;
  HttpClient& http;  // must read file URLs if settings.allow_file_origins, or a map leads to one
  Workspace& workspace;
  const Clock& clock;
  Random random;
  Sleeper sleeper;
  protocol::WorkSettings settings;
  unsigned cpu = 1;  // jobs that may transmute at once
  // How long another writer's claim is respected while its object doesn't appear. The object's
  // size adds to it.
  std::chrono::milliseconds claim_patience{60'000};
};

std::unique_ptr<Pipeline> make_pipeline(PipelineParts parts);

}  // namespace athanor::worker
