#pragma once

#include "shared/base/transition_table.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

// A session's life as data: state × event → state. Session::apply is the only executor.
namespace athanor::worker {

enum class SessionState : std::uint8_t {
  offline,          // no connection yet, or not any more
  greeting,         // connected; Hello is on its way
  active,           // welcome: takes jobs
  leaving_offline,  // the same three, but nothing new is taken: draining
  leaving_greeting,
  leaving,
  over,  // nothing more is said
};
inline constexpr std::size_t k_session_states = 7;

enum class SessionEvent : std::uint8_t {
  connect,     // a connection is there
  disconnect,  // it is gone, or nothing was heard for too long
  welcome,
  reject,
  drain,    // asked to leave, by the coordinator or by this machine
  emptied,  // leaving, and nothing is held any more
};
inline constexpr std::size_t k_session_events = 6;

std::string_view to_string(SessionState state);
std::string_view to_string(SessionEvent event);

// Peers and networks may say anything at any time: what no row names changes nothing.
using SessionTransitions =
    TransitionTable<SessionState, k_session_states, SessionEvent, k_session_events>;

constexpr SessionTransitions make_session_transitions() {
  using enum SessionState;
  using enum SessionEvent;
  return {
      {offline, connect, greeting},
      {offline, drain, leaving_offline},

      {greeting, connect, greeting},  // the connection broke and came back before it was noticed
      {greeting, disconnect, offline},
      {greeting, welcome, active},
      {greeting, reject, over},
      {greeting, drain, leaving_greeting},

      {active, connect, greeting},
      {active, disconnect, offline},
      {active, reject, over},
      {active, drain, leaving},

      {leaving_offline, connect, leaving_greeting},
      {leaving_offline, emptied, over},

      {leaving_greeting, connect, leaving_greeting},
      {leaving_greeting, disconnect, leaving_offline},
      {leaving_greeting, welcome, leaving},
      {leaving_greeting, reject, over},  // and not `emptied`: the coordinator is to hear Goodbye

      {leaving, connect, leaving_greeting},
      {leaving, disconnect, leaving_offline},
      {leaving, reject, over},
      {leaving, emptied, over},
  };
}

inline constexpr SessionTransitions k_session_transitions = make_session_transitions();

static_assert(k_session_transitions.reaches_all_from(SessionState::offline));

}  // namespace athanor::worker
