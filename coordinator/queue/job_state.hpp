#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// A job's life as data: state × event → state. Nothing else may change a job's state, and
// JobTable::apply is the only executor.
namespace athanor::coordinator {

enum class JobState : std::uint8_t {
  ready,        // may be granted
  leased,       // at least one worker holds a lease on it
  waiting,      // failed for now; ready again when its backoff is over
  done,         // every wanted format is in the store
  failed,       // will not be tried again unless somebody asks
  quarantined,  // several workers died over it; only a person releases it
  canceled,     // nobody waits for it any more
};
inline constexpr std::size_t k_job_states = 7;

enum class JobEvent : std::uint8_t {
  grant,         // a worker gets a lease
  come_back,     // the last lease ended without an outcome: given back, lost or expired
  succeed,       // a lease holder reports success
  fail_for_now,  // a lease holder reports a failure that may pass
  fail_for_good,
  poison,  // one worker too many died over it
  wake,    // its backoff is over
  cancel,  // the last one who waited has left
  ask,     // somebody submits it (again)
  retry,   // a person releases it
};
inline constexpr std::size_t k_job_events = 10;

std::string_view to_string(JobState state);
std::string_view to_string(JobEvent event);

// The next state's number, or k_impossible_job_event. Plain numbers: compilers differ in what they
// let an optional do in a constant.
inline constexpr std::uint8_t k_impossible_job_event = 0xff;
using JobTransitions = std::array<std::array<std::uint8_t, k_job_events>, k_job_states>;

constexpr JobTransitions make_job_transitions() {
  using enum JobState;
  using enum JobEvent;
  JobTransitions table{};
  for (auto& row : table) {
    row.fill(k_impossible_job_event);
  }
  const auto on = [&table](JobState from, JobEvent event, JobState to) {
    table[static_cast<std::size_t>(from)][static_cast<std::size_t>(event)] =
        static_cast<std::uint8_t>(to);
  };
  on(ready, grant, leased);
  on(ready, cancel, canceled);
  on(ready, ask, ready);

  on(leased, grant, leased);  // a second, speculative lease
  on(leased, come_back, ready);
  on(leased, succeed, done);
  on(leased, fail_for_now, waiting);
  on(leased, fail_for_good, failed);
  on(leased, poison, quarantined);
  on(leased, cancel, canceled);
  on(leased, ask, leased);

  on(waiting, wake, ready);
  on(waiting, cancel, canceled);
  on(waiting, ask, waiting);

  on(done, ask, ready);  // the store lost it, or other formats are wanted
  on(failed, ask, ready);
  on(failed, retry, ready);
  on(quarantined, ask, quarantined);
  on(quarantined, retry, ready);
  on(canceled, ask, ready);
  on(canceled, retry, ready);  // somebody else had canceled what this one still wants
  return table;
}

inline constexpr JobTransitions k_job_transitions = make_job_transitions();

// Where the event leads from this state; nothing if it can't happen there.
constexpr std::optional<JobState> next_job_state(JobState state, JobEvent event) {
  const std::uint8_t to =
      k_job_transitions[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
  return to == k_impossible_job_event ? std::nullopt : std::optional(static_cast<JobState>(to));
}

// An end: nothing happens to the job by itself any more.
constexpr bool is_final(JobState state) {
  return state == JobState::done || state == JobState::failed || state == JobState::quarantined ||
         state == JobState::canceled;
}

namespace detail {
// Every state is reached from `ready`, else it would be a word without a meaning.
constexpr bool all_job_states_reachable() {
  std::array<bool, k_job_states> seen{};
  seen[static_cast<std::size_t>(JobState::ready)] = true;
  for (std::size_t round = 0; round < k_job_states; ++round) {
    for (std::size_t from = 0; from < k_job_states; ++from) {
      for (std::size_t event = 0; seen[from] && event < k_job_events; ++event) {
        const std::uint8_t to = k_job_transitions[from][event];
        if (to != k_impossible_job_event) {
          seen[to] = true;
        }
      }
    }
  }
  for (const bool reached : seen) {
    if (!reached) {
      return false;
    }
  }
  return true;
}

// Only somebody's wish leads out of an end; no report, however late, does.
constexpr bool ends_are_final() {
  for (std::size_t from = 0; from < k_job_states; ++from) {
    for (std::size_t event = 0; event < k_job_events; ++event) {
      const auto wish = static_cast<JobEvent>(event);
      if (is_final(static_cast<JobState>(from)) &&
          k_job_transitions[from][event] != k_impossible_job_event && wish != JobEvent::ask &&
          wish != JobEvent::retry) {
        return false;
      }
    }
  }
  return true;
}
}  // namespace detail

static_assert(detail::all_job_states_reachable());
static_assert(detail::ends_are_final());
static_assert(!next_job_state(JobState::waiting, JobEvent::grant), "backoff must be over first");
static_assert(!next_job_state(JobState::ready, JobEvent::succeed), "only a lease holder reports");
static_assert(next_job_state(JobState::quarantined, JobEvent::ask) == JobState::quarantined,
              "asking again must not release what kills workers");

}  // namespace athanor::coordinator
