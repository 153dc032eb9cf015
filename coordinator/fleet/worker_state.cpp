#include "coordinator/fleet/worker_state.hpp"

namespace athanor::coordinator {

std::string_view to_string(WorkerState state) {
  switch (state) {
    case WorkerState::active:
      return "active";
    case WorkerState::draining:
      return "draining";
    case WorkerState::left:
      return "left";
    case WorkerState::lost:
      return "lost";
  }
  return "?";
}

std::string_view to_string(WorkerEvent event) {
  switch (event) {
    case WorkerEvent::drain:
      return "drain";
    case WorkerEvent::resume:
      return "resume";
    case WorkerEvent::goodbye:
      return "goodbye";
    case WorkerEvent::lose:
      return "lose";
  }
  return "?";
}

}  // namespace athanor::coordinator
