#include "worker/session/session_state.hpp"

#include <array>

namespace athanor::worker {

std::string_view to_string(SessionState state) {
  constexpr std::array<std::string_view, k_session_states> k_names{
      "offline", "greeting", "active", "leaving_offline", "leaving_greeting", "leaving", "over"};
  return k_names[static_cast<std::size_t>(state)];
}

std::string_view to_string(SessionEvent event) {
  constexpr std::array<std::string_view, k_session_events> k_names{
      "connect", "disconnect", "welcome", "reject", "drain", "emptied"};
  return k_names[static_cast<std::size_t>(event)];
}

}  // namespace athanor::worker
