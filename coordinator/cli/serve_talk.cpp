#include "coordinator/cli/serve_talk.hpp"

#include "coordinator/cli/spelling.hpp"
#include "coordinator/document/event_json.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"

#include <algorithm>
#include <ostream>
#include <variant>

namespace athanor::coordinator {
namespace {

std::string batch_text(BatchId batch) {
  return "batch " + std::to_string(batch.value);
}

}  // namespace

ServeTalk::ServeTalk(Detail detail, std::chrono::milliseconds heartbeat, VerbContext& context)
    : detail_(detail),
      heartbeat_(heartbeat),
      context_(context),
      no_batch_(std::vector<EnvironmentLabel>{}, context.clock.now()),
      started_(context.clock.now()),
      last_heartbeat_(context.clock.now()) {}

void ServeTalk::on_event(const RunEvent& event) {
  const std::lock_guard lock(mutex_);
  if (const auto* totals = std::get_if<Totals>(&event)) {
    totals_ = *totals;
  } else if (const auto* origins = std::get_if<OriginsChanged>(&event)) {
    origins_ = origins->origins;
  }
  const bool only_moves =
      std::holds_alternative<JobProgressed>(event) || std::holds_alternative<OriginsChanged>(event);
  if (context_.common.output == OutputFormat::jsonl && !only_moves) {
    Json object = event_object(event, {});
    std::visit(
        [&](const auto& what) {
          if constexpr (requires { what.batch.value; }) {
            object.set("batch", what.batch.value);
          }
        },
        event);
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(context_.clock.now() - started_);
    object.set("ms", static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0)));
    context_.out << dump_json(object) << '\n';
    context_.out.flush();
  }
  if (const auto line = line_of(event)) {
    context_.err << *line << '\n';
    context_.err.flush();
  }
}

// Lines that name their batch; everything else is told as a run tells it.
std::optional<std::string> ServeTalk::line_of(const RunEvent& event) const {
  const auto from = [&](Detail least, std::string line) {
    return detail_ >= least ? std::optional(std::move(line)) : std::nullopt;
  };
  if (const auto* received = std::get_if<BatchReceived>(&event)) {
    return from(Detail::notable,
                batch_text(received->batch) + " (" + printable(received->name, 200) + ") is here");
  }
  if (const auto* accepted = std::get_if<BatchAccepted>(&event)) {
    return from(Detail::notable, batch_text(accepted->batch) +
                                     " is planned: " + counted(accepted->new_jobs, "new package") +
                                     ", " + std::to_string(accepted->joined_jobs) +
                                     " under way for others, " + std::to_string(accepted->present) +
                                     " in the store already; " +
                                     counted(accepted->environments, "environment"));
  }
  if (const auto* released = std::get_if<BatchReleased>(&event)) {
    return from(Detail::notable, batch_text(released->batch) + ": " +
                                     counted(released->jobs, "package") + " are tried again");
  }
  if (const auto* finished = std::get_if<BatchFinished>(&event)) {
    return from(Detail::notable,
                batch_text(finished->batch) + (finished->canceled ? " is canceled" : " is over"));
  }
  if (const auto* ready = std::get_if<EnvironmentReady>(&event)) {
    return from(Detail::each, batch_text(ready->batch) + ": environment " +
                                  std::to_string(ready->environment) + " is ready");
  }
  if (const auto* failed = std::get_if<EnvironmentFailed>(&event)) {
    return from(Detail::problems, styled(context_.err_terminal, cli::Style::red, "not ready:") +
                                      " " + batch_text(failed->batch) + ", environment " +
                                      std::to_string(failed->environment) + ": " +
                                      printable(failed->error.message, 4096));
  }
  if (const auto* joined = std::get_if<WorkerJoined>(&event)) {
    return from(Detail::notable, "worker " + printable(joined->name) + " is here with room for " +
                                     counted(joined->capacity.jobs, "job"));
  }
  if (const auto* gone = std::get_if<WorkerGone>(&event)) {
    if (gone->end == WorkerEnd::left) {
      return from(Detail::notable, "worker " + printable(gone->name) + " has left");
    }
  }
  return event_line(event, no_batch_, detail_, context_.err_terminal);
}

void ServeTalk::tick() {
  const std::lock_guard lock(mutex_);
  const TimePoint now = context_.clock.now();
  if (detail_ < Detail::notable || now - last_heartbeat_ < heartbeat_) {
    return;
  }
  last_heartbeat_ = now;
  // An idle coordinator that says so every half minute for a night helps nobody.
  if (totals_ == told_ && totals_.jobs_waiting + totals_.jobs_running == 0) {
    return;
  }
  told_ = totals_;
  context_.err << heartbeat_text() << '\n';
  context_.err.flush();
}

std::string ServeTalk::heartbeat_text() const {
  std::string line =
      "[" +
      human_duration(
          std::chrono::duration_cast<std::chrono::milliseconds>(context_.clock.now() - started_)) +
      "] " + counted(totals_.workers, "worker") + ", " + std::to_string(totals_.jobs_running) +
      " running, " + std::to_string(totals_.jobs_waiting) + " waiting, " +
      std::to_string(totals_.jobs_done) + " done";
  if (totals_.jobs_failed > 0) {
    line += ", " + std::to_string(totals_.jobs_failed) + " failed";
  }
  line += ", " + human_size(totals_.fetched_bytes) + " fetched; environments " +
          std::to_string(totals_.environments_ready) + " ready, " +
          std::to_string(totals_.environments_open) + " open";
  for (const OriginStats& origin : origins_) {
    if (origin.bound) {
      line += "; bound by origin " + printable(origin.netloc, 200) + ": more workers won't help";
      break;
    }
  }
  return line;
}

void ServeTalk::say(const std::string& line) {
  const std::lock_guard lock(mutex_);
  context_.err << line << '\n';
  context_.err.flush();
}

}  // namespace athanor::coordinator
