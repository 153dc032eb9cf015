#pragma once

#include "coordinator/cli/run_progress.hpp"
#include "coordinator/cli/run_view.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/server/verdict.hpp"
#include "shared/cli/painter.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace athanor::coordinator {

enum class ProgressStyle {
  bar,   // a painted block on a terminal
  line,  // a line per notable event and a heartbeat
  none,  // neither bar nor heartbeat
};

struct RunTalkOptions {
  ProgressStyle style = ProgressStyle::line;
  Detail detail = Detail::notable;
  OutputFormat output = OutputFormat::text;
  std::chrono::milliseconds heartbeat{30'000};
  // A run that is over sooner never shows a bar.
  std::chrono::milliseconds bar_after{1'000};
};

// Tells a person (on the talk) and a program (on the result, for jsonl) what a run does, while it
// does it. Thread-safe: events come from the coordinator's thread, ticks from the signal thread.
class RunTalk final : public RunListener {
 public:
  // The context, its streams and its clock outlive the talk. `screen` says how large the terminal
  // is now.
  RunTalk(RunTalkOptions options, std::shared_ptr<const Plan> plan, VerbContext& context,
          std::function<cli::ScreenSize()> screen);
  // The same for a batch whose plan is the coordinator's.
  RunTalk(RunTalkOptions options, std::vector<EnvironmentLabel> environments, VerbContext& context,
          std::function<cli::ScreenSize()> screen);
  ~RunTalk() override;

  void on_event(const RunEvent& event) override;
  // What is known of a batch that is watched from here on.
  void restore(const BatchSnapshot& snapshot);
  // A line for a person, between the others.
  void note(const std::string& line);
  // To be called a few times a second.
  void tick();
  // The person asked to stop, for the count-th time.
  void stop_requested(unsigned count);
  // Takes the bar away; nothing is said after it.
  void finish();

  SourceSizes source_sizes() const;

 private:
  RunTalk(RunTalkOptions options, RunProgress progress, VerbContext& context,
          std::function<cli::ScreenSize()> screen);
  void say(const std::string& line);
  void paint(TimePoint now);

  const RunTalkOptions options_;
  VerbContext& context_;
  std::function<cli::ScreenSize()> screen_;
  mutable std::mutex mutex_;  // guards all below
  RunProgress progress_;
  std::optional<cli::Painter> painter_;
  TimePoint last_heartbeat_;
  SourceSizes sizes_;
  bool finished_ = false;
};

}  // namespace athanor::coordinator
