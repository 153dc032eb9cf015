#pragma once

#include "shared/base/transition_table.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

// A worker session's life as data: state × event → state. WorkerTable::apply is the only executor.
namespace athanor::coordinator {

enum class WorkerState : std::uint8_t {
  active,    // takes jobs
  draining,  // takes nothing new; finishes or gives back what it holds, then leaves
  left,      // said goodbye
  lost,      // ended without a word
};
inline constexpr std::size_t k_worker_states = 4;

enum class WorkerEvent : std::uint8_t {
  drain,    // somebody wants it to go
  resume,   // somebody has changed their mind, in time
  goodbye,  // its last message
  lose,     // silence, a broken connection, a dead process, a newer session of the same worker
};
inline constexpr std::size_t k_worker_events = 4;

std::string_view to_string(WorkerState state);
std::string_view to_string(WorkerEvent event);

using WorkerTransitions =
    TransitionTable<WorkerState, k_worker_states, WorkerEvent, k_worker_events>;

constexpr WorkerTransitions make_worker_transitions() {
  using enum WorkerState;
  using enum WorkerEvent;
  return {
      {active, drain, draining}, {active, resume, active},    {active, goodbye, left},
      {active, lose, lost},      {draining, drain, draining}, {draining, resume, active},
      {draining, goodbye, left}, {draining, lose, lost},
  };
}

inline constexpr WorkerTransitions k_worker_transitions = make_worker_transitions();

constexpr std::optional<WorkerState> next_worker_state(WorkerState state, WorkerEvent event) {
  return k_worker_transitions.next(state, event);
}

// The session is over; its number is never used again.
constexpr bool is_over(WorkerState state) {
  return state == WorkerState::left || state == WorkerState::lost;
}

static_assert(k_worker_transitions.reaches_all_from(WorkerState::active));
static_assert(k_worker_transitions.holds([](WorkerState from, WorkerEvent, WorkerState) {
  return !is_over(from);
}),
              "sessions end for good");
static_assert(next_worker_state(WorkerState::draining, WorkerEvent::drain) ==
              WorkerState::draining);

}  // namespace athanor::coordinator
