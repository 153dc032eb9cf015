#include "shared/cli/exit_status.hpp"

namespace athanor::cli {

std::string_view to_string(ExitStatus status) {
  switch (status) {
    case ExitStatus::ready:
      return "ready";
    case ExitStatus::partial:
      return "partial";
    case ExitStatus::usage:
      return "usage";
    case ExitStatus::refused:
      return "refused";
    case ExitStatus::work_to_do:
      return "work_to_do";
    case ExitStatus::try_later:
      return "try_later";
    case ExitStatus::interrupted:
      return "interrupted";
    case ExitStatus::terminated:
      return "terminated";
  }
  return "partial";
}

ExitStatus exit_status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::not_found:
    case ErrorKind::unsupported:
    case ErrorKind::invalid:
      return ExitStatus::usage;
    case ErrorKind::corrupt:
    case ErrorKind::rejected:
      return ExitStatus::refused;
    case ErrorKind::retry:
      return ExitStatus::try_later;
    case ErrorKind::canceled:
      return ExitStatus::interrupted;
    case ErrorKind::bug:
      return ExitStatus::partial;
  }
  return ExitStatus::partial;
}

}  // namespace athanor::cli
