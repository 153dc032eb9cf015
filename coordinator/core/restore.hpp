#pragma once

#include "coordinator/core/reactor.hpp"
#include "coordinator/core/record.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// One job as the journal last saw it.
struct RestoredJob {
  JobId id;
  std::string_view spec;  // packed
  JobState state = JobState::ready;
  std::uint64_t epoch = 0;
  std::uint32_t attempt = 0;
  std::uint8_t failures = 0;
  std::uint8_t crashes = 0;
};

// Fills an empty reactor from a journal: first batches, then jobs, then results, stories and
// environments (by number), in any order among these three; finish() last. Jobs that were leased
// are held for their workers to come back to, for one lease duration; backoffs begin anew, short.
// Errors: corrupt, when the records contradict each other.
class Restorer {
 public:
  // REQUIRES: nothing has happened to the reactor yet.
  explicit Restorer(Reactor& reactor)
      : reactor_(reactor) {}

  // The largest numbers among what was forgotten: they are never given again.
  void add_forgotten(BatchId batch, EnvironmentId environment, JobId job);
  void add_batch(BatchId id, std::string name, int priority, bool finished, bool canceled);
  Result<void> add_job(const RestoredJob& job);
  Result<void> add_result(JobId id, std::string_view success);
  // `failure` is packed and may be empty. Times of attempts are this process's, and may lie before
  // it began.
  struct RestoredStory {
    std::string_view failure;
    std::vector<std::string> killed;
    std::vector<Attempt> attempts;
    std::uint32_t forgotten_attempts = 0;
  };
  Result<void> add_story(JobId id, RestoredStory story);
  Result<void> add_environment(const EnvironmentRecord& record, EnvironmentState state);
  // Asks for what was under way: environments to be published, leases to be waited for.
  void finish(TimePoint now);

 private:
  Reactor& reactor_;
  std::vector<LeaseKey> leased_;
};

}  // namespace athanor::coordinator
