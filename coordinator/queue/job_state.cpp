#include "coordinator/queue/job_state.hpp"

namespace athanor::coordinator {

std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::ready:
      return "ready";
    case JobState::leased:
      return "leased";
    case JobState::waiting:
      return "waiting";
    case JobState::done:
      return "done";
    case JobState::failed:
      return "failed";
    case JobState::quarantined:
      return "quarantined";
    case JobState::canceled:
      return "canceled";
  }
  return "?";
}

std::string_view to_string(JobEvent event) {
  switch (event) {
    case JobEvent::grant:
      return "grant";
    case JobEvent::come_back:
      return "come_back";
    case JobEvent::succeed:
      return "succeed";
    case JobEvent::fail_for_now:
      return "fail_for_now";
    case JobEvent::fail_for_good:
      return "fail_for_good";
    case JobEvent::poison:
      return "poison";
    case JobEvent::wake:
      return "wake";
    case JobEvent::cancel:
      return "cancel";
    case JobEvent::ask:
      return "ask";
    case JobEvent::retry:
      return "retry";
  }
  return "?";
}

}  // namespace athanor::coordinator
