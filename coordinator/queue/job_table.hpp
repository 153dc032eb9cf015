#pragma once

#include "coordinator/queue/job_state.hpp"
#include "shared/base/ids.hpp"
#include "shared/protocol/job.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor::coordinator {

// Bytes of a length that never changes, in 8 bytes plus one allocation.
class PackedBytes {
 public:
  PackedBytes() = default;
  explicit PackedBytes(std::string_view bytes);

  std::string_view view() const;
  bool empty() const { return bytes_ == nullptr; }

 private:
  std::unique_ptr<char[]> bytes_;  // four bytes of length, then the bytes
};

// One job. Only JobTable::apply changes `state`.
struct Job {
  PackedBytes spec;
  PackedBytes result;             // of the last success; empty if there was none
  std::uint32_t attempt = 0;      // of the last lease granted: grows with each grant, never falls
  std::uint32_t waiters = 0;      // head of a list in the table; 0: nobody waits
  std::uint32_t references = 0;   // environments that name it, those that are finished included
  std::uint32_t last_worker = 0;  // session whose success this is; 0: unknown
  std::uint8_t failures = 0;      // attempts that reported a failure since it was last asked for
  std::uint8_t crashes = 0;       // workers that died while they held it
  std::uint8_t throttles = 0;     // attempts that its origin had no time for
  JobState state = JobState::ready;
};

// A state change, as it is recorded and logged.
struct JobTransition {
  JobId job;
  JobState from = JobState::ready;
  JobEvent event = JobEvent::ask;
  JobState to = JobState::ready;
};

// All jobs of a coordinator: by number, by key (source URL × wanted formats), and who waits for
// each. Made for a million of them: about 60 bytes a job beside its packed spec. Not thread-safe.
// References to jobs stay valid until the job is erased.
class JobTable {
 public:
  JobTable();

  // The job with the key of this packed spec, made if there is none.
  // REQUIRES: packed_key(packed) isn't empty.
  struct Insertion {
    JobId id;
    bool inserted = false;
  };
  Insertion insert(std::string_view packed);
  // Puts back a job under the number that it had. REQUIRES: neither number nor key is taken.
  void restore(JobId id, std::string_view packed, JobState state);

  Job* find(JobId id);
  const Job* find(JobId id) const;
  // REQUIRES: the job exists.
  Job& at(JobId id);
  const Job& at(JobId id) const;
  std::optional<JobId> find_key(std::string_view key) const;

  // REQUIRES: same key.
  void replace_spec(JobId id, std::string_view packed);
  // Forgets a job. REQUIRES: it is in a final state and nobody waits for it.
  void erase(JobId id);

  // The executor of the transition table. REQUIRES: the table allows the event.
  JobTransition apply(JobId id, JobEvent event);

  void add_waiter(JobId id, EnvironmentId environment);
  // False if it wasn't waiting.
  bool remove_waiter(JobId id, EnvironmentId environment);
  bool is_waiting(JobId id, EnvironmentId environment) const;
  std::vector<EnvironmentId> waiters(JobId id) const;  // in the order they came
  std::vector<EnvironmentId> take_waiters(JobId id);

  std::size_t size() const { return size_; }
  std::uint64_t count(JobState state) const { return counts_[static_cast<std::size_t>(state)]; }
  // Jobs made from now on have numbers from this one on.
  void skip_to(JobId next) { next_id_ = std::max(next_id_, next.value); }
  // Numbers of all jobs lie in [1, end).
  JobId end() const { return JobId{next_id_}; }
  void reserve(std::size_t jobs);

 private:
  static constexpr std::uint64_t k_page_jobs = 4096;
  struct Page {
    std::array<std::optional<Job>, k_page_jobs> jobs;
    std::uint32_t used = 0;
  };
  struct Waiter {
    std::uint32_t environment = 0;
    std::uint32_t next = 0;
  };

  Job& emplace(JobId id, std::string_view packed, JobState state);
  std::size_t slot_of(
      std::string_view key) const;  // where it is, or the free slot where it belongs
  void grow_index(std::size_t slots);

  std::vector<std::unique_ptr<Page>> pages_;  // a page without jobs is freed
  std::vector<std::uint32_t> index_;          // open addressing, power of two; job numbers, 0: free
  std::vector<Waiter> waiter_pool_;           // element 0 is unused: 0 means none
  std::uint32_t free_waiter_ = 0;
  std::array<std::uint64_t, k_job_states> counts_{};
  std::size_t size_ = 0;
  std::uint64_t next_id_ = 1;
};

}  // namespace athanor::coordinator
