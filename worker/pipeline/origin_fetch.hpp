#pragma once

#include "shared/base/result.hpp"
#include "worker/pipeline/job_context.hpp"

namespace athanor::worker {

// The source's bytes from its origins, digests checked: each origin in turn as often as there is
// hope, with pauses between an origin's failures and none before the next origin. Leaves
// `attempts`, `fetched_bytes` and, when it gives up, `retry_after`. The error says what every
// attempt failed of; its kind is retry as long as some origin may yet serve the file.
Result<Artifact> fetch_from_origins(JobContext& context);

}  // namespace athanor::worker
