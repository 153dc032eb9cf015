#pragma once

#include "shared/base/result.hpp"
#include "shared/cli/exit_status.hpp"

#include <span>

namespace athanor::coordinator {

// How a run ends whose failures are of these kinds; the one place where failures become an exit
// code. None: ready. Any `corrupt` or `rejected` (hash mismatch, slot conflict, hostile archive,
// credentials, permissions): refused, because running again changes nothing before a person has
// looked. Only `retry` and `canceled`: try_later. Anything else: partial.
cli::ExitStatus status_of_failures(std::span<const ErrorKind> kinds);

}  // namespace athanor::coordinator
