#include "worker/pipeline/claims.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "worker/pipeline/slots.hpp"

#include <algorithm>

namespace athanor::worker {
namespace {

using std::chrono::milliseconds;

constexpr unsigned k_turns = 3;  // takings-over that we lose before the job is left for later
constexpr milliseconds k_first_look{50};
constexpr milliseconds k_longest_pause{2'000};
constexpr std::uint64_t k_slow_upload = 1'000;  // bytes per millisecond

struct Claim {
  std::string key;          // of the object that is announced
  std::string version_tag;  // of the claim object
};

// Absent if the claim has gone. A claim that names no object of this slot (cut short, or somebody's
// own) can't be waited for; its key is empty.
Result<std::optional<Claim>> read_claim(JobContext& context, Format format,
                                        const std::string& claim_key) {
  Store& store = context.store();
  ATHANOR_ASSIGN(const std::optional<ObjectInfo> info, store.find(claim_key));
  if (!info) {
    return std::optional<Claim>();
  }
  ATHANOR_ASSIGN(std::optional<std::string> text,
                 read_object(store, claim_key, 2 * limits::k_url_bytes));
  if (!text) {
    return std::optional<Claim>();
  }
  if (!text->starts_with(context.layout().slot_prefix(context.source, format))) {
    text->clear();
  }
  return std::optional(Claim{.key = std::move(*text), .version_tag = info->version_tag});
}

// The object that a claim announces, once it is there; absent if it doesn't come in time.
Result<std::optional<StoredFormat>> wait_for_object(JobContext& context, Format format,
                                                    std::uint64_t size) {
  const PipelineParts& parts = context.shop.parts;
  const auto patience = parts.claim_patience + milliseconds(size / k_slow_upload);
  const TimePoint deadline = parts.clock.now() + patience;
  milliseconds pause = k_first_look;
  while (true) {
    ATHANOR_ASSIGN(
        std::optional<StoredFormat> slot,
        read_slot(context.store(), context.layout(), context.source, format, context.stop));
    if (slot || parts.clock.now() >= deadline) {
      return slot;
    }
    ++context.progress.steps;
    ATHANOR_TRY(parts.sleeper(pause, context.stop));
    pause = std::min(pause * 2, k_longest_pause);
  }
}

}  // namespace

Result<std::optional<StoredFormat>> claim_slot(JobContext& context, Format format,
                                               const std::string& key, std::uint64_t size) {
  Store& store = context.store();
  const std::string claim_key = context.layout().claim_key(context.source, format);
  const ObjectSource ours = ObjectSource::from_bytes(key);
  for (unsigned turn = 0; turn < k_turns; ++turn) {
    ATHANOR_ASSIGN(const PutOutcome put, store.put_if_absent(claim_key, ours, context.stop));
    if (put == PutOutcome::created) {
      return std::optional<StoredFormat>();
    }
    ATHANOR_ASSIGN(const std::optional<Claim> claim, read_claim(context, format, claim_key));
    if (!claim) {
      continue;
    }
    if (claim->key == key) {
      return std::optional<StoredFormat>();  // the same bytes: whoever comes first, it's right
    }
    ATHANOR_ASSIGN(std::optional<StoredFormat> theirs, wait_for_object(context, format, size));
    if (theirs) {
      return theirs;
    }
    ATHANOR_ASSIGN(const PutOutcome taken, store.put(claim_key, ours, claim->version_tag));
    if (taken == PutOutcome::created) {
      return std::optional<StoredFormat>();
    }
  }
  return make_error(ErrorKind::retry, "another writer is about to publish the same format of " +
                                          context.source.text());
}

Result<bool> still_claimed(JobContext& context, Format format, const std::string& key) {
  const std::string claim_key = context.layout().claim_key(context.source, format);
  ATHANOR_ASSIGN(const std::optional<Claim> claim, read_claim(context, format, claim_key));
  return claim && claim->key == key;
}

}  // namespace athanor::worker
