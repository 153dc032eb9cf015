#pragma once

#include "worker/pipeline/job_context.hpp"

#include <cstdint>
#include <optional>

// What the inputs say of a source's bytes, and what happens to bytes that aren't that.
namespace athanor::worker {

// Whether an input names a hash: only then can bytes be told from others.
bool names_a_hash(const JobSpec& spec);
// Whether these bytes are what some input says, or no input says anything.
bool is_expected(const JobSpec& spec, const Digest& digest);
// Whether some input names exactly these bytes by a hash.
bool is_named(const JobSpec& spec, const Digest& digest);
// The size that all inputs agree on; absent if they don't know it.
std::optional<std::uint64_t> known_size(const JobSpec& spec);

// More than this isn't waited for.
struct MostBytes {
  std::uint64_t bytes = 0;
  bool is_expected = false;  // an input's word; otherwise the limit for all packages
};
MostBytes most_bytes(const JobContext& context);

// Puts the artifact's bytes where a person can look at them, never to where anybody reads them as a
// package, and adds to the error where that is.
Error quarantined(JobContext& context, const Artifact& artifact, Error error);
// corrupt, with both digests: the bytes from `origin` (empty: from nobody in particular) aren't
// what the inputs say. They are in quarantine then.
Error altered(JobContext& context, const Artifact& artifact, const std::string& origin);

}  // namespace athanor::worker
