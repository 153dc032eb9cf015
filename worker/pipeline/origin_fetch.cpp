#include "worker/pipeline/origin_fetch.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "worker/pipeline/candidates.hpp"
#include "worker/pipeline/download.hpp"
#include "worker/pipeline/expected.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace athanor::worker {
namespace {

using std::chrono::milliseconds;

// An origin that wants to be left alone for longer gets its slot back: the coordinator waits.
constexpr milliseconds k_wait_in_place{10'000};
constexpr RetryPolicy k_policy{.attempts = limits::k_fetch_attempts,
                               .base = milliseconds(500),
                               .cap = k_wait_in_place,
                               .retry_after_cap = limits::k_retry_after_ceiling};

// Of one job, whatever they gain: an origin that drips must come to an end, too.
constexpr unsigned k_most_requests = 200;

// The longest delay of a large content network that was seen is 14.5 hours.
constexpr std::chrono::hours k_longest_lag{24};
constexpr milliseconds k_lag_pause{60'000};

class OriginFetch {
 public:
  OriginFetch(JobContext& context, std::vector<Candidate> candidates, Download download)
      : context_(context),
        candidates_(std::move(candidates)),
        download_(std::move(download)) {}

  Result<Artifact> run() {
    for (requests_ = 0; requests_ < k_most_requests;) {
      Candidate* next = next_candidate();
      if (next == nullptr) {
        return give_up();
      }
      const auto wait = next->not_before - now();
      if (wait > k_wait_in_place + k_policy.base) {
        return give_up();
      }
      if (wait > wait.zero()) {
        ATHANOR_TRY(
            context_.shop.parts.sleeper(std::chrono::ceil<milliseconds>(wait), context_.stop));
      }
      ATHANOR_ASSIGN(std::optional<Artifact> artifact, attempt(*next));
      if (artifact) {
        tell_who_lags();
        return std::move(*artifact);
      }
    }
    return give_up();
  }

 private:
  TimePoint now() const { return context_.shop.parts.clock.now(); }

  // The first one that may be asked now, else the one that may be asked first; none if no one has
  // any hope left.
  Candidate* next_candidate() {
    Candidate* best = nullptr;
    const TimePoint present = now();
    for (Candidate& candidate : candidates_) {
      if (!candidate.is_hopeful()) {
        continue;
      }
      mind_rest(candidate);
      if (candidate.not_before <= present) {
        return &candidate;
      }
      if (best == nullptr || candidate.not_before < best->not_before) {
        best = &candidate;
      }
    }
    return best;
  }

  // One whose host is given a rest is put off; if it is waited for after all, it has one attempt.
  void mind_rest(Candidate& candidate) {
    const TimePoint present = now();
    const TimePoint opens = context_.shop.hosts.opens(candidate.host, present);
    if (opens <= std::max(present, candidate.not_before)) {
      return;
    }
    candidate.not_before = opens;
    candidate.failures = std::max(candidate.failures, candidate.allowed - 1);
    const auto rest = std::chrono::ceil<milliseconds>(opens - present);
    if (rest > HostGate::k_rest_max) {
      candidate.retry_after = rest;  // the host's own word, to another job
    }
    if (!std::exchange(candidate.skipped, true)) {
      const std::string why = candidate.host + " is given a rest of " +
                              std::to_string(rest.count()) +
                              " ms: it has failed too often, or asked for it";
      if (!candidate.error) {
        candidate.error = make_error(ErrorKind::retry, why);
      }
      tell(candidate, {.host = {}, .end = AttemptEnd::skipped, .error = why});
    }
  }

  // How the host is, as this request shows it to all jobs.
  void tell_gate(const Candidate& candidate, const Asked& asked) {
    using Outcome = HostGate::Outcome;
    Outcome outcome = Outcome::answered;
    if (asked.attempt.end == AttemptEnd::busy) {
      outcome = Outcome::busy;
    } else if (asked.attempt.end == AttemptEnd::broken && !asked.gained) {
      outcome = Outcome::failed;
    }
    context_.shop.hosts.tell(candidate.host, now(), outcome, asked.retry_after);
  }

  // Absent if it failed in a way that leaves hope for another attempt or another origin.
  Result<std::optional<Artifact>> attempt(Candidate& candidate) {
    ++context_.progress.steps;
    ++requests_;
    Asked asked = download_.ask(candidate.url);
    if (candidate.is_primary) {  // whose rate the fleet shares
      context_.requests += asked.requests;
      context_.throttled += asked.attempt.status == 429 || asked.attempt.status == 503 ? 1 : 0;
    }
    if (!asked.ours && !(asked.error && asked.error->kind == ErrorKind::canceled)) {
      tell_gate(candidate, asked);
    }
    if (!asked.error) {
      return check(candidate, std::move(asked.attempt));
    }
    Error error = std::move(*asked.error);
    tell(candidate, std::move(asked.attempt));
    if (asked.ours || error.kind == ErrorKind::canceled) {
      return error;
    }
    note(candidate, std::move(error), asked.gained, asked.retry_after);
    return std::optional<Artifact>();
  }

  // All bytes are there: whether they are the right ones.
  Result<std::optional<Artifact>> check(Candidate& candidate, FetchAttempt attempt) {
    ATHANOR_ASSIGN(Artifact artifact, download_.finish());
    if (is_expected(context_.spec, artifact.digest)) {
      tell(candidate, std::move(attempt));
      return std::optional(std::move(artifact));
    }
    // If it came in pieces, it may be nobody's fault but that of putting them together.
    const bool pieced = download_.is_pieced();
    Error error = pieced ? make_error(ErrorKind::retry, candidate.host +
                                                            ": the pieces of the file don't fit "
                                                            "together")
                         : altered(context_, artifact, candidate.host);
    attempt.end = AttemptEnd::altered;
    attempt.error = error.message;
    tell(candidate, std::move(attempt));
    ATHANOR_ASSIGN(download_, Download::begin(context_));
    if (pieced) {
      ATHANOR_TRY(download_.start_over());
    }
    note(candidate, std::move(error), false, std::nullopt);
    return std::optional<Artifact>();
  }

  // What a failure means for the origin's next turn.
  void note(Candidate& candidate, Error error, bool gained,
            std::optional<milliseconds> retry_after) {
    candidate.retry_after = retry_after;
    candidate.is_missing = error.kind == ErrorKind::not_found;
    candidate.dropped = error.kind != ErrorKind::retry;
    candidate.failures = gained ? 0 : candidate.failures + 1;
    candidate.not_before = now() + retry_delay(k_policy, std::max(candidate.failures, 1U),
                                               context_.random, retry_after);
    candidate.error = std::move(error);
  }

  void tell(const Candidate& candidate, FetchAttempt attempt) {
    attempt.host = candidate.host;
    if (!attempt.error.empty()) {
      reasons_.push_back(attempt.error);
    }
    std::vector<FetchAttempt>& told = context_.attempts;
    if (told.size() >= FetchAttempt::k_told) {
      told.erase(told.begin());
    }
    told.push_back(std::move(attempt));
  }

  // What is missing at one origin and stood at another is on its way.
  void tell_who_lags() {
    for (FetchAttempt& attempt : context_.attempts) {
      if (attempt.end == AttemptEnd::missing) {
        attempt.end = AttemptEnd::lagging;
      }
    }
  }

  // Whether it may be missing only because the origin's copies follow its index with a delay.
  bool is_young() const {
    const std::chrono::milliseconds built(context_.spec.built_ms);
    const auto age = context_.shop.parts.clock.wall_now().time_since_epoch() - built;
    return context_.spec.built_ms != 0 && age < k_longest_lag;
  }

  // "3 attempts failed: first reason; second; third", each reason once.
  std::string told() const {
    if (reasons_.size() == 1) {
      return reasons_.front();
    }
    std::vector<std::string> different;
    for (const std::string& reason : reasons_) {
      if (std::ranges::find(different, reason) == different.end()) {
        different.push_back(reason);
      }
    }
    return std::to_string(reasons_.size()) + " attempts failed: " + join(different, "; then ");
  }

  // An origin that may yet serve the file decides; else the source's own.
  Error give_up() {
    const Candidate* decides = nullptr;
    for (const Candidate& candidate : candidates_) {
      const bool better = decides == nullptr || (decides->dropped && !candidate.dropped) ||
                          (candidate.is_primary && decides->dropped == candidate.dropped);
      if (candidate.error && better) {
        decides = &candidate;
      }
    }
    ATHANOR_CHECK(decides != nullptr);  // nobody loses hope without a reason
    if (!decides->dropped && decides->is_primary) {
      context_.retry_after = decides->retry_after;
    }
    if (decides->is_missing && is_young()) {
      context_.lagging = true;
      context_.retry_after = k_lag_pause;
      return make_error(ErrorKind::retry, told() + "; the channel's index is newer than the file",
                        "the package is less than a day old: its origins will have it soon");
    }
    return make_error(decides->error->kind, told(), decides->error->hint);
  }

  JobContext& context_;
  std::vector<Candidate> candidates_;
  Download download_;
  unsigned requests_ = 0;
  std::vector<std::string> reasons_;
};

}  // namespace

Result<Artifact> fetch_from_origins(JobContext& context) {
  ATHANOR_ASSIGN(std::vector<Candidate> candidates, candidates_of(context));
  ATHANOR_ASSIGN(Download download, Download::begin(context));
  return OriginFetch(context, std::move(candidates), std::move(download)).run();
}

}  // namespace athanor::worker
