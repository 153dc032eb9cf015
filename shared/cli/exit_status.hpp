#pragma once

#include "shared/base/result.hpp"

#include <string_view>

namespace athanor::cli {

// What a program's end means to whoever started it: cron, CI, a scheduler. This is the one place
// where the numbers stand; scripts depend on them, so they never change.
enum class ExitStatus : int {
  ready = 0,          // everything asked for is there and checked
  partial = 1,        // something isn't; everything else is done and durable
  usage = 2,          // the command line, an input or the configuration is wrong
  refused = 3,        // a person must act: hash mismatch, slot conflict, credentials, permissions
  work_to_do = 10,    // only `plan --detailed-exitcode`: a run would change something
  try_later = 75,     // throttled or down, or another run is at it; state is kept (EX_TEMPFAIL)
  interrupted = 130,  // SIGINT: drained, can be resumed
  terminated = 143,   // SIGTERM: drained, can be resumed
};

// The number for the operating system.
constexpr int code(ExitStatus status) {
  return static_cast<int>(status);
}

// "ready", "partial", "usage", ...: for JSON.
std::string_view to_string(ExitStatus status);

// How a command that could not do its work ends, by the failure that stopped it:
// invalid, unsupported and not_found are usage (what was named isn't there or isn't understood),
// corrupt and rejected are refused, retry is try_later, canceled is interrupted, a bug is partial.
ExitStatus exit_status_of(ErrorKind kind);

}  // namespace athanor::cli
