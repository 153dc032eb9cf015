#include "coordinator/cli/run_talk.hpp"

#include <ostream>
#include <utility>

namespace athanor::coordinator {

RunTalk::RunTalk(RunTalkOptions options, std::shared_ptr<const Plan> plan, VerbContext& context,
                 std::function<cli::ScreenSize()> screen)
    : RunTalk(options, RunProgress(plan, context.clock.now()), context, std::move(screen)) {}

RunTalk::RunTalk(RunTalkOptions options, std::vector<EnvironmentLabel> environments,
                 VerbContext& context, std::function<cli::ScreenSize()> screen)
    : RunTalk(options, RunProgress(std::move(environments), context.clock.now()), context,
              std::move(screen)) {}

RunTalk::RunTalk(RunTalkOptions options, RunProgress progress, VerbContext& context,
                 std::function<cli::ScreenSize()> screen)
    : options_(options),
      context_(context),
      screen_(std::move(screen)),
      progress_(std::move(progress)),
      last_heartbeat_(context.clock.now()) {
  if (options_.style == ProgressStyle::bar) {
    painter_.emplace(
        [this](std::string_view text) {
          context_.err << text;
          context_.err.flush();
        },
        screen_, context_.err_terminal.unicode);
  }
}

RunTalk::~RunTalk() {
  finish();
}

void RunTalk::on_event(const RunEvent& event) {
  const std::lock_guard lock(mutex_);
  const TimePoint now = context_.clock.now();
  progress_.apply(event, now);
  if (const auto* finished = std::get_if<JobFinished>(&event)) {
    if (finished->success.source_digest) {
      sizes_[finished->source_url] = finished->success.source_digest->size;
    }
  }
  if (options_.output == OutputFormat::jsonl) {
    if (const auto object = event_json(event, progress_, now)) {
      context_.out << dump_json(*object) << '\n';
      context_.out.flush();
    }
  }
  if (const auto line = event_line(event, progress_, options_.detail, context_.err_terminal)) {
    say(*line);
  }
}

void RunTalk::restore(const BatchSnapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  progress_.restore(snapshot, context_.clock.now());
}

void RunTalk::note(const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (options_.detail >= Detail::notable) {
    say(line);
  }
}

void RunTalk::tick() {
  const std::lock_guard lock(mutex_);
  if (finished_) {
    return;
  }
  const TimePoint now = context_.clock.now();
  if (painter_) {
    paint(now);
  } else if (options_.style == ProgressStyle::line && options_.detail >= Detail::notable &&
             now - last_heartbeat_ >= options_.heartbeat) {
    last_heartbeat_ = now;
    say(heartbeat_line(progress_, now));
  }
}

void RunTalk::stop_requested(unsigned count) {
  const std::lock_guard lock(mutex_);
  if (finished_) {
    return;
  }
  progress_.set_draining();
  if (count > 1) {
    say("stopping at once");
  }
}

void RunTalk::finish() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  if (painter_) {
    painter_->clear();
  }
}

SourceSizes RunTalk::source_sizes() const {
  const std::lock_guard lock(mutex_);
  return sizes_;
}

void RunTalk::say(const std::string& line) {
  if (painter_) {
    painter_->say(line);
  } else {
    context_.err << line << '\n';
    context_.err.flush();
  }
}

void RunTalk::paint(TimePoint now) {
  if (now - progress_.started() < options_.bar_after) {
    return;
  }
  cli::Terminal terminal = context_.err_terminal;
  const cli::ScreenSize size = screen_();
  terminal.columns = size.columns;
  terminal.rows = size.rows;
  painter_->paint(live_view(progress_, terminal, now));
}

}  // namespace athanor::coordinator
