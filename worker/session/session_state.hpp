#pragma once

#include <array>
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

// The next state's number, or k_ignored_session_event: peers and networks may say anything at any
// time, and what doesn't fit changes nothing.
inline constexpr std::uint8_t k_ignored_session_event = 0xff;
using SessionTransitions = std::array<std::array<std::uint8_t, k_session_events>, k_session_states>;

constexpr SessionTransitions make_session_transitions() {
  using enum SessionState;
  using enum SessionEvent;
  SessionTransitions table{};
  for (auto& row : table) {
    row.fill(k_ignored_session_event);
  }
  const auto on = [&table](SessionState from, SessionEvent event, SessionState to) {
    table[static_cast<std::size_t>(from)][static_cast<std::size_t>(event)] =
        static_cast<std::uint8_t>(to);
  };
  on(offline, connect, greeting);
  on(offline, drain, leaving_offline);

  on(greeting, connect, greeting);  // the connection broke and came back before it was noticed
  on(greeting, disconnect, offline);
  on(greeting, welcome, active);
  on(greeting, reject, over);
  on(greeting, drain, leaving_greeting);

  on(active, connect, greeting);
  on(active, disconnect, offline);
  on(active, reject, over);
  on(active, drain, leaving);

  on(leaving_offline, connect, leaving_greeting);
  on(leaving_offline, emptied, over);

  on(leaving_greeting, connect, leaving_greeting);
  on(leaving_greeting, disconnect, leaving_offline);
  on(leaving_greeting, welcome, leaving);
  on(leaving_greeting, reject, over);  // and not `emptied`: the coordinator is to hear Goodbye

  on(leaving, connect, leaving_greeting);
  on(leaving, disconnect, leaving_offline);
  on(leaving, reject, over);
  on(leaving, emptied, over);
  return table;
}
inline constexpr SessionTransitions k_session_transitions = make_session_transitions();

}  // namespace athanor::worker
