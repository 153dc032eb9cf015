#pragma once

#include "shared/base/clock.hpp"
#include "shared/protocol/job.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// What happened to a job, for whoever asks why it is where it is.
namespace athanor::coordinator {

enum class AttemptEnd : std::uint8_t {
  succeeded,
  failed,       // its worker reported a failure
  given_back,   // unharmed: its worker drains, stopped it, or never got it
  expired,      // its worker renewed it no more
  worker_lost,  // its worker died
  outrun,       // another worker finished the job first
};
inline constexpr std::size_t k_attempt_ends = 6;

// One lease that has ended.
struct Attempt {
  std::uint32_t number = 0;  // of the job's attempts, from 1
  std::string worker;        // its name; empty: a worker of an earlier epoch that never came back
  Stage stage = Stage::locate;
  AttemptEnd end = AttemptEnd::failed;
  ErrorKind kind = ErrorKind::bug;  // of a failure
  std::string message;              // of a failure, clipped
  std::string origin;  // the host whose budget it used; empty: it needed nothing from the web
  TimePoint granted;
  TimePoint ended;
};

// A job's past. Only the jobs that had trouble have one.
struct JobStory {
  // An attempt's message is clipped, and old attempts are forgotten, so that a job that fails for
  // ever doesn't grow for ever.
  static constexpr std::size_t k_attempts = 16;
  static constexpr std::size_t k_message_bytes = 512;

  bool has_failure = false;
  JobFailure failure;                    // the last one
  std::vector<std::string> killed;       // workers that died over it since it was last released
  std::vector<Attempt> attempts;         // the last ones, oldest first
  std::uint32_t forgotten_attempts = 0;  // before those
  TimePoint wake_at;                     // while it waits: when its backoff is over

  void add(Attempt attempt);
};

}  // namespace athanor::coordinator
