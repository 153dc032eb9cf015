#pragma once

#include "coordinator/cli/run_progress.hpp"
#include "shared/cli/terminal.hpp"
#include "shared/json/json.hpp"

#include <optional>
#include <string>
#include <vector>

// How a run looks: pure functions from its progress to text. `run_talk` decides when they are used.
namespace athanor::coordinator {

// The block that is painted on a terminal: overall bar, counters, what runs now, failures by cause.
std::vector<std::string> live_view(const RunProgress& progress, const cli::Terminal& terminal,
                                   TimePoint now);

// The line that says that a run is alive, where there is no bar:
// "[03:12] 412/1640 packages, 6.1 GiB, 231 MiB/s, 3/12 environments ready, 2 failed, 1m10s left".
std::string heartbeat_line(const RunProgress& progress, TimePoint now);

// How much a person wants to hear of what happens.
enum class Detail {
  problems,  // -q: what fails or is lost
  notable,   // and what is worth a line in a log of a nightly job
  each,      // -v: and each finished package
  all,       // -vv: and each start, worker and try
};
// One line for an event, or nothing if it isn't worth one. `progress` has taken the event in.
std::optional<std::string> event_line(const RunEvent& event, const RunProgress& progress,
                                      Detail detail, const cli::Terminal& terminal);

// The event as one object for --output jsonl, with "event" and "ms" since the start; nothing
// for those that only move a bar within a job.
std::optional<Json> event_json(const RunEvent& event, const RunProgress& progress, TimePoint now);

}  // namespace athanor::coordinator
