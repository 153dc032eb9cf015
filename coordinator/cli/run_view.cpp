#include "coordinator/cli/run_view.hpp"

#include "coordinator/cli/spelling.hpp"
#include "coordinator/document/event_json.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"

#include <algorithm>
#include <chrono>

namespace athanor::coordinator {

namespace {

using cli::Style;
using cli::styled;

constexpr std::chrono::seconds k_slow_job{30};

std::chrono::milliseconds elapsed(const RunProgress& progress, TimePoint now) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - progress.started());
}

std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t columns, bool unicode) {
  const std::size_t full = whole == 0 ? columns : std::min(part, whole) * columns / whole;
  std::string text;
  for (std::size_t i = 0; i < columns; ++i) {
    text += i < full ? (unicode ? "\u2501" : "=") : (unicode ? "\u2500" : "-");
  }
  return text;
}

std::string failures_by_cause(const RunProgress& progress) {
  std::string text;
  for (const auto& [cause, count] : progress.failures()) {
    text += (text.empty() ? "" : ", ") + cause + " " + std::to_string(count);
  }
  return text;
}

std::string running_line(const RunningJob& job, const cli::Terminal& terminal, TimePoint now) {
  std::string stage(to_string(job.stage));
  stage.resize(std::max<std::size_t>(stage.size(), 10), ' ');
  std::string line =
      "  " + styled(terminal, Style::cyan, stage) + " " + filename_of(job.source_url);
  if (job.bytes > 0) {
    line += "  " + human_size(job.bytes);
  }
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(now - job.since);
  if (spent >= std::chrono::seconds(5)) {
    line += "  " + styled(terminal, Style::dim, human_duration(spent));
  }
  return line;
}

std::string clock_text(std::chrono::milliseconds duration) {
  const auto seconds = static_cast<std::uint64_t>(duration.count() / 1'000);
  const auto digits = [](std::uint64_t number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  const std::string minutes = digits(seconds / 60 % 60) + ":" + digits(seconds % 60);
  return seconds < 3'600 ? minutes : std::to_string(seconds / 3'600) + ":" + minutes;
}

}  // namespace

std::vector<std::string> live_view(const RunProgress& progress, const cli::Terminal& terminal,
                                   TimePoint now) {
  std::vector<std::string> lines;
  const std::size_t columns = std::clamp<std::size_t>(terminal.columns / 3, 10, 40);
  std::string overall =
      styled(terminal, Style::green,
             bar(progress.jobs_over(), progress.jobs(), columns, terminal.unicode));
  overall += " " + std::to_string(progress.jobs_over()) + "/" + std::to_string(progress.jobs()) +
             " packages  " + human_size(progress.bytes()) + "  " + human_size(progress.rate(now)) +
             "/s  " + human_duration(elapsed(progress, now));
  if (const auto left = progress.time_left(now)) {
    overall += "  " + styled(terminal, Style::dim, human_duration(*left) + " left");
  }
  lines.push_back(overall);

  std::string state = "environments ready " + std::to_string(progress.environments_ready()) + "/" +
                      std::to_string(progress.environments());
  if (progress.environments_failed() > 0) {
    state += ", " + styled(terminal, Style::red,
                           std::to_string(progress.environments_failed()) + " failed");
  }
  state +=
      "  " + counted(progress.had(), "package") + " had  " + counted(progress.workers(), "worker");
  if (progress.draining()) {
    state += "  " + styled(terminal, Style::yellow, "draining; Ctrl-C again stops at once");
  }
  lines.push_back(state);
  if (!progress.failures().empty()) {
    lines.push_back(styled(terminal, Style::red, "failed: " + failures_by_cause(progress)));
  }

  const std::vector<RunningJob> running = progress.running();
  const std::size_t most = std::max<std::size_t>(terminal.rows / 3, 2);
  for (std::size_t i = 0; i < std::min(running.size(), most); ++i) {
    lines.push_back(running_line(running[i], terminal, now));
  }
  if (running.size() > most) {
    lines.push_back(
        styled(terminal, Style::dim, "  and " + std::to_string(running.size() - most) + " more"));
  }
  return lines;
}

std::string heartbeat_line(const RunProgress& progress, TimePoint now) {
  std::string line =
      "[" + clock_text(elapsed(progress, now)) + "] " + std::to_string(progress.jobs_over()) + "/" +
      std::to_string(progress.jobs()) + " packages, " + human_size(progress.bytes()) + ", " +
      human_size(progress.rate(now)) + "/s, " + std::to_string(progress.environments_ready()) +
      "/" + std::to_string(progress.environments()) + " environments ready";
  if (progress.jobs_failed() > 0) {
    line += ", failed: " + failures_by_cause(progress);
  }
  if (const auto left = progress.time_left(now)) {
    line += ", " + human_duration(*left) + " left";
  }
  return line + (progress.draining() ? ", draining" : "");
}

namespace {

// The talk's lines, one overload per event.
class EventLines {
 public:
  EventLines(const RunProgress& progress, Detail detail, const cli::Terminal& terminal)
      : progress_(progress),
        detail_(detail),
        terminal_(terminal) {}

  using Line = std::optional<std::string>;

  Line operator()(const BatchReceived&) const { return std::nullopt; }
  Line operator()(const BatchAccepted& event) const {
    return from(Detail::notable, "working on " +
                                     counted(event.new_jobs + event.joined_jobs, "package") + "; " +
                                     std::to_string(event.present) + " in the store already; " +
                                     counted(event.environments, "environment"));
  }
  Line operator()(const BatchExtended& event) const {
    return "solved: " + std::to_string(event.new_jobs) + " more packages to make";
  }
  Line operator()(const BatchReleased& event) const {
    return "trying again: " + std::to_string(event.jobs) + " packages";
  }
  Line operator()(const BatchFinished&) const { return std::nullopt; }
  Line operator()(const WorkerJoined& event) const {
    return from(Detail::all, "worker " + printable(event.name) + " is here with room for " +
                                 counted(event.capacity.jobs, "job"));
  }
  Line operator()(const WorkerGone& event) const {
    std::string line = "worker " + printable(event.name);
    if (event.end == WorkerEnd::left) {
      return from(Detail::all, line + " has left");
    }
    line += " is lost: " + printable(event.reason);
    line += event.held_jobs > 0 ? "; " + counted(event.held_jobs, "job") + " go to others" : "";
    return from(Detail::problems, warned(line));
  }
  Line operator()(const JobStarted& event) const {
    return from(Detail::all, "started " + printable(event.source_url, 4096));
  }
  Line operator()(const JobProgressed&) const { return std::nullopt; }
  Line operator()(const JobReturned&) const { return std::nullopt; }
  Line operator()(const JobRetrying& event) const {
    return from(Detail::notable, warned("again in " + human_duration(event.delay) + ": " +
                                        printable(event.source_url, 4096) + ": " +
                                        printable(event.failure.message, 4096)));
  }
  Line operator()(const JobFinished& event) const {
    std::chrono::milliseconds total{0};
    for (const auto& [stage, time] : event.success.stage_times) {
      total += time;
    }
    std::string line = "done " + printable(event.source_url, 4096) + " (" +
                       std::string(to_string(event.success.provenance)) + ", " +
                       human_size(event.success.fetched_bytes) + " fetched, " +
                       human_duration(total) + ")";
    for (const std::string& warning : event.success.warnings) {
      line += "\n" + warned(printable(event.source_url, 4096) + ": " + printable(warning, 4096));
    }
    const bool notable = total >= k_slow_job || !event.success.warnings.empty();
    return from(notable ? Detail::notable : Detail::each, line);
  }
  Line operator()(const JobFailed& event) const {
    std::string line =
        styled(terminal_, Style::red, "failed:") + " " + printable(event.source_url, 4096) + ": " +
        std::string(to_string(event.failure.stage)) + ": " + printable(event.failure.message, 4096);
    line += event.failure.hint.empty() ? "" : ". " + printable(event.failure.hint, 4096);
    if (event.end == FailureEnd::quarantined) {
      line += ". Workers died over it: " + join(event.killed, ", ");
    }
    return from(Detail::problems, line);
  }
  Line operator()(const EnvironmentReady& event) const {
    return from(Detail::notable, styled(terminal_, Style::green, "ready:") + " " +
                                     printable(progress_.environment_name(event.environment)));
  }
  Line operator()(const EnvironmentFailed& event) const {
    std::string line = styled(terminal_, Style::red, "not ready:") + " " +
                       printable(progress_.environment_name(event.environment));
    if (event.failed_packages > 1) {
      line += ": " + counted(event.failed_packages, "package") + " failed; the first";
    }
    return from(Detail::problems, line + ": " + printable(event.error.message, 4096));
  }
  Line operator()(const OriginsChanged&) const { return std::nullopt; }
  Line operator()(const Totals&) const { return std::nullopt; }
  Line operator()(const Draining& event) const {
    return from(Detail::problems, warned("stopping: " + counted(event.running, "running job") +
                                         " may finish; a second signal ends them"));
  }

 private:
  Line from(Detail least, std::string line) const {
    return detail_ >= least ? Line(std::move(line)) : std::nullopt;
  }
  std::string warned(const std::string& text) const {
    return styled(terminal_, Style::yellow, "warning:") + " " + text;
  }

  const RunProgress& progress_;
  Detail detail_;
  const cli::Terminal& terminal_;
};

}  // namespace

std::optional<std::string> event_line(const RunEvent& event, const RunProgress& progress,
                                      Detail detail, const cli::Terminal& terminal) {
  return std::visit(EventLines(progress, detail, terminal), event);
}

std::optional<Json> event_json(const RunEvent& event, const RunProgress& progress, TimePoint now) {
  if (std::holds_alternative<JobProgressed>(event) ||
      std::holds_alternative<BatchFinished>(event) ||
      std::holds_alternative<BatchReceived>(event) ||
      std::holds_alternative<OriginsChanged>(event)) {
    return std::nullopt;
  }
  Json object = event_object(event, progress.environments_of_batch());
  object.set("ms",
             static_cast<std::uint64_t>(std::max<std::int64_t>(elapsed(progress, now).count(), 0)));
  return object;
}

}  // namespace athanor::coordinator
