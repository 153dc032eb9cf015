#pragma once

#include "coordinator/cli/run_progress.hpp"
#include "coordinator/cli/run_view.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/core/events.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace athanor::coordinator {

// What a coordinator that serves says while it does: a line per notable event, a heartbeat, and for
// --output jsonl each event. Thread-safe: events come from the coordinator's thread, ticks from the
// signal thread.
class ServeTalk final : public RunListener {
 public:
  // The context, its streams and its clock outlive the talk.
  ServeTalk(Detail detail, std::chrono::milliseconds heartbeat, VerbContext& context);

  void on_event(const RunEvent& event) override;
  // To be called a few times a second.
  void tick();
  void say(const std::string& line);

 private:
  std::optional<std::string> line_of(const RunEvent& event) const;
  std::string heartbeat_text() const;

  const Detail detail_;
  const std::chrono::milliseconds heartbeat_;
  VerbContext& context_;
  mutable std::mutex mutex_;  // guards all below
  const RunProgress no_batch_;
  Totals totals_;
  std::vector<OriginStats> origins_;
  TimePoint started_;
  TimePoint last_heartbeat_;
  Totals told_;
};

}  // namespace athanor::coordinator
