#pragma once

#include "shared/base/transition_table.hpp"

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

using JobTransitions = TransitionTable<JobState, k_job_states, JobEvent, k_job_events>;

constexpr JobTransitions make_job_transitions() {
  using enum JobState;
  using enum JobEvent;
  return {
      {ready, grant, leased},
      {ready, cancel, canceled},
      {ready, ask, ready},

      {leased, grant, leased},  // a second, speculative lease
      {leased, come_back, ready},
      {leased, succeed, done},
      {leased, fail_for_now, waiting},
      {leased, fail_for_good, failed},
      {leased, poison, quarantined},
      {leased, cancel, canceled},
      {leased, ask, leased},

      {waiting, wake, ready},
      {waiting, cancel, canceled},
      {waiting, ask, waiting},

      {done, ask, ready},  // the store lost it, or other formats are wanted
      {failed, ask, ready},
      {failed, retry, ready},
      {quarantined, ask, quarantined},
      {quarantined, retry, ready},
      {canceled, ask, ready},
      {canceled, retry, ready},  // somebody else had canceled what this one still wants
  };
}

inline constexpr JobTransitions k_job_transitions = make_job_transitions();

// Where the event leads from this state; nothing if it can't happen there.
constexpr std::optional<JobState> next_job_state(JobState state, JobEvent event) {
  return k_job_transitions.next(state, event);
}

// An end: nothing happens to the job by itself any more.
constexpr bool is_final(JobState state) {
  return state == JobState::done || state == JobState::failed || state == JobState::quarantined ||
         state == JobState::canceled;
}

static_assert(k_job_transitions.reaches_all_from(JobState::ready));
static_assert(k_job_transitions.holds([](JobState from, JobEvent event, JobState) {
  return !is_final(from) || event == JobEvent::ask || event == JobEvent::retry;
}),
              "only somebody's wish leads out of an end; no report, however late, does");
static_assert(!next_job_state(JobState::waiting, JobEvent::grant), "backoff must be over first");
static_assert(!next_job_state(JobState::ready, JobEvent::succeed), "only a lease holder reports");
static_assert(next_job_state(JobState::quarantined, JobEvent::ask) == JobState::quarantined,
              "asking again must not release what kills workers");

}  // namespace athanor::coordinator
