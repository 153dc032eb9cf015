#pragma once

#include "shared/base/result.hpp"
#include "worker/pipeline/job_context.hpp"

// The five stages of a job. Each reads what the earlier ones left in the context and adds its own;
// a stage with nothing to do succeeds at once.
namespace athanor::worker {

// Looks at what the store holds of the source now. Leaves `stored`, `missing`, `from_store`.
// rejected: a slot breaks the rules that readers rely on, or holds other bytes than the inputs say.
Result<void> locate(JobContext& context);

// Brings the source's bytes into the scratch folder: from a local package directory, the store or
// the origin. Leaves `original`, `fetched_bytes` and, for failures, `retry_after`.
Result<void> fetch(JobContext& context);

// The bytes are what the inputs say, and the archive is the package that its name says. corrupt
// otherwise; the bytes are in quarantine then, and the message says where.
Result<void> verify(JobContext& context);

// Makes the format that is missing. Leaves `made`.
Result<void> transmute_artifact(JobContext& context);

// Puts what is missing into its slots, the source's own format first; adopts what another writer
// has put there meanwhile. Leaves `result`.
Result<void> publish(JobContext& context);

}  // namespace athanor::worker
