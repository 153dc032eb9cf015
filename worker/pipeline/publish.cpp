#include "shared/base/strings.hpp"
#include "worker/pipeline/claims.hpp"
#include "worker/pipeline/slots.hpp"
#include "worker/pipeline/stages.hpp"

#include <algorithm>

namespace athanor::worker {
namespace {

using std::chrono::seconds;

// An upload that took longer may have cost us our claim.
constexpr seconds k_quick_upload{10};

// A source's bytes are claimed like made ones when no input fixes their hash: two workers may get
// different bytes from an origin whose content changes.
bool is_hash_fixed(const JobSpec& spec) {
  return spec.expected.size() == 1 &&
         (spec.type == PackageType::conda ? spec.expected.front().md5.has_value()
                                          : spec.expected.front().sha256.has_value());
}

Error source_conflict(const JobContext& context, const StoredFormat& stored,
                      const Artifact& artifact) {
  return make_error(
      ErrorKind::rejected,
      "slot conflict: the store holds '" + printable(stored.key) + "', but " +
          context.source.text() + " now has md5 " + artifact.digest.md5.hex() + ", sha256 " +
          artifact.digest.sha256.hex(),
      "the content behind this URL has changed; remove the object to publish the new one");
}

// What another writer has put into the slot is as good as ours: made from the same source. A
// source's own format must be the very same bytes.
Result<void> adopt(JobContext& context, const Artifact& artifact, StoredFormat stored) {
  const std::string ours =
      context.layout().artifact_key(context.source, artifact.format, artifact.digest);
  if (artifact.format == context.source.format() && stored.key != ours) {
    return source_conflict(context, stored, artifact);
  }
  ++context.result.adopted;
  context.stored[artifact.format] = std::move(stored);
  return {};
}

// While we uploaded, somebody may have given us up and published: then theirs stays, ours goes.
Result<bool> withdraw_if_overtaken(JobContext& context, const Artifact& artifact,
                                   const std::string& key) {
  ATHANOR_ASSIGN(const bool ours, still_claimed(context, artifact.format, key));
  if (ours) {
    return false;
  }
  ATHANOR_TRY(context.store().remove(key));
  ATHANOR_ASSIGN(
      std::optional<StoredFormat> theirs,
      read_slot(context.store(), context.layout(), context.source, artifact.format, context.stop));
  if (!theirs) {
    return make_error(ErrorKind::retry, "another writer is about to publish the same format of " +
                                            context.source.text());
  }
  ATHANOR_TRY(adopt(context, artifact, std::move(*theirs)));
  return true;
}

Result<void> put(JobContext& context, const Artifact& artifact, bool claimed) {
  const std::string key =
      context.layout().artifact_key(context.source, artifact.format, artifact.digest);
  const TimePoint begin = context.shop.parts.clock.now();
  PutOutcome outcome = PutOutcome::created;
  {
    const JobContext::Silence silence(context, artifact.digest.size);
    const ObjectSource source =
        ObjectSource::from_file(artifact.path, artifact.digest, SourceFile::given);
    ATHANOR_ASSIGN(outcome, context.store().put_if_absent(key, source, context.stop));
  }
  ++context.progress.steps;
  const bool slow = context.shop.parts.clock.now() - begin > k_quick_upload;
  if (claimed && slow && outcome == PutOutcome::created) {
    ATHANOR_ASSIGN(const bool withdrawn, withdraw_if_overtaken(context, artifact, key));
    if (withdrawn) {
      return {};
    }
  }
  StoredFormat stored{.format = artifact.format,
                      .hash = context.source.type() == PackageType::conda
                                  ? artifact.digest.md5.hex()
                                  : artifact.digest.sha256.hex(),
                      .size = artifact.digest.size,
                      .key = key};
  if (outcome == PutOutcome::exists) {
    return adopt(context, artifact, std::move(stored));
  }
  context.result.published_bytes += artifact.digest.size;
  context.stored[artifact.format] = std::move(stored);
  return {};
}

Result<void> publish_artifact(JobContext& context, const Artifact& artifact) {
  ATHANOR_ASSIGN(
      std::optional<StoredFormat> slot,
      read_slot(context.store(), context.layout(), context.source, artifact.format, context.stop));
  if (slot) {
    return adopt(context, artifact, std::move(*slot));
  }
  const bool claim = artifact.format != context.source.format() || !is_hash_fixed(context.spec);
  if (claim) {
    const std::string key =
        context.layout().artifact_key(context.source, artifact.format, artifact.digest);
    ATHANOR_ASSIGN(std::optional<StoredFormat> theirs,
                   claim_slot(context, artifact.format, key, artifact.digest.size));
    if (theirs) {
      return adopt(context, artifact, std::move(*theirs));
    }
  }
  return put(context, artifact, claim);
}

}  // namespace

Result<void> publish(JobContext& context) {
  for (const std::optional<Artifact>* artifact : {&context.original, &context.made}) {
    if (*artifact && context.is_missing((*artifact)->format)) {
      if (context.stop.stop_requested()) {
        return make_error(ErrorKind::canceled, "asked to stop");
      }
      ATHANOR_TRY(publish_artifact(context, **artifact));
    }
  }
  for (const auto& [format, stored] : context.stored) {
    context.result.formats.push_back(stored);
  }
  return {};
}

}  // namespace athanor::worker
