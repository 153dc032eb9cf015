#pragma once

#include <array>
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

// The next state's number, or k_impossible_worker_event. Plain numbers: compilers differ in what
// they let an optional do in a constant.
inline constexpr std::uint8_t k_impossible_worker_event = 0xff;
using WorkerTransitions = std::array<std::array<std::uint8_t, k_worker_events>, k_worker_states>;

constexpr WorkerTransitions make_worker_transitions() {
  using enum WorkerState;
  using enum WorkerEvent;
  WorkerTransitions table{};
  for (auto& row : table) {
    row.fill(k_impossible_worker_event);
  }
  const auto on = [&table](WorkerState from, WorkerEvent event, WorkerState to) {
    table[static_cast<std::size_t>(from)][static_cast<std::size_t>(event)] =
        static_cast<std::uint8_t>(to);
  };
  on(active, drain, draining);
  on(active, resume, active);
  on(active, goodbye, left);
  on(active, lose, lost);
  on(draining, drain, draining);
  on(draining, resume, active);
  on(draining, goodbye, left);
  on(draining, lose, lost);
  return table;
}

inline constexpr WorkerTransitions k_worker_transitions = make_worker_transitions();

constexpr std::optional<WorkerState> next_worker_state(WorkerState state, WorkerEvent event) {
  const std::uint8_t to =
      k_worker_transitions[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
  return to == k_impossible_worker_event ? std::nullopt
                                         : std::optional(static_cast<WorkerState>(to));
}

// The session is over; its number is never used again.
constexpr bool is_over(WorkerState state) {
  return state == WorkerState::left || state == WorkerState::lost;
}

namespace detail {
constexpr bool sessions_end_for_good() {
  for (std::size_t from = 0; from < k_worker_states; ++from) {
    for (std::size_t event = 0; event < k_worker_events; ++event) {
      if (is_over(static_cast<WorkerState>(from)) &&
          k_worker_transitions[from][event] != k_impossible_worker_event) {
        return false;
      }
    }
  }
  return true;
}
}  // namespace detail

static_assert(detail::sessions_end_for_good());
static_assert(next_worker_state(WorkerState::draining, WorkerEvent::drain) ==
              WorkerState::draining);

}  // namespace athanor::coordinator
