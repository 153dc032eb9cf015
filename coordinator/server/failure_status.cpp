#include "coordinator/server/failure_status.hpp"

#include <algorithm>

namespace athanor::coordinator {

cli::ExitStatus status_of_failures(std::span<const ErrorKind> kinds) {
  if (kinds.empty()) {
    return cli::ExitStatus::ready;
  }
  const auto is_refusal = [](ErrorKind kind) {
    return kind == ErrorKind::corrupt || kind == ErrorKind::rejected;
  };
  const auto is_passing = [](ErrorKind kind) {
    return kind == ErrorKind::retry || kind == ErrorKind::canceled;
  };
  if (std::any_of(kinds.begin(), kinds.end(), is_refusal)) {
    return cli::ExitStatus::refused;
  }
  return std::all_of(kinds.begin(), kinds.end(), is_passing) ? cli::ExitStatus::try_later
                                                             : cli::ExitStatus::partial;
}

}  // namespace athanor::coordinator
