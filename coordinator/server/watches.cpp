#include "coordinator/server/watches.hpp"

#include "coordinator/document/event_json.hpp"
#include "coordinator/server/batch_answers.hpp"
#include "shared/base/limits.hpp"
#include "shared/json/json.hpp"

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace athanor::coordinator {
namespace {

// The job or the batch that an event is about; neither: all watchers hear it.
struct About {
  std::optional<JobId> job;
  std::optional<BatchId> batch;
};

About about(const RunEvent& event) {
  return std::visit(
      [](const auto& what) {
        About result;
        if constexpr (requires { what.job; }) {
          result.job = what.job;
        } else if constexpr (requires { what.batch; }) {
          result.batch = what.batch;
        }
        return result;
      },
      event);
}

}  // namespace

void Watches::learn_jobs(BatchId id, Watched& watched) const {
  watched.jobs.assign(core_.jobs.end().value, false);
  for (const EnvironmentId environment : core_.batches.at(id).environments) {
    for (const std::uint32_t job : core_.environments.at(environment).jobs) {
      watched.jobs[job] = true;
    }
  }
}

void Watches::add(Watcher watcher, BatchId batch) {
  Watched& watched = batches_[batch];
  learn_jobs(batch, watched);
  watched.watchers[watcher] = {};
  watched.ended = core_.batches.at(batch).finished();
}

void Watches::remove(Watcher watcher) {
  for (auto watched = batches_.begin(); watched != batches_.end();) {
    watched->second.watchers.erase(watcher);
    watched = watched->second.watchers.empty() ? batches_.erase(watched) : std::next(watched);
  }
}

bool Watches::concerns(BatchId id, const Watched& watched, const RunEvent& event) const {
  const About what = about(event);
  if (what.job) {
    return what.job->value < watched.jobs.size() && watched.jobs[what.job->value];
  }
  return !what.batch || *what.batch == id;
}

void Watches::on_event(const RunEvent& event, const Tell& tell) {
  if (std::holds_alternative<Totals>(event) || std::holds_alternative<OriginsChanged>(event)) {
    return;  // the whole coordinator's, not the batch's
  }
  for (auto& [id, watched] : batches_) {
    const bool grown = std::holds_alternative<BatchAccepted>(event) ||
                       std::holds_alternative<BatchExtended>(event);
    if (grown && *about(event).batch == id) {
      learn_jobs(id, watched);
    }
    if (!concerns(id, watched, event)) {
      continue;
    }
    const auto batch = desk_.batches().find(id);
    if (batch == desk_.batches().end()) {
      continue;
    }
    const std::string text = dump_json(event_object(event, batch->second.head.environments));
    for (auto& [watcher, watching] : watched.watchers) {
      if (!watching.needs_snapshot && !tell(watcher, text)) {
        watching.needs_snapshot = true;
      }
    }
    if (std::holds_alternative<BatchFinished>(event)) {
      watched.ended = true;
    }
  }
}

void Watches::tick(const Tell& tell) {
  const bool sign = clock_.now() >= next_sign_;
  if (sign) {
    next_sign_ = clock_.now() + limits::k_watch_interval;
  }
  for (auto& [id, watched] : batches_) {
    const auto batch = desk_.batches().find(id);
    if (batch == desk_.batches().end()) {
      watched.ended = true;
      continue;
    }
    std::string snapshot;
    for (auto& [watcher, watching] : watched.watchers) {
      if (watching.needs_snapshot) {
        if (snapshot.empty()) {
          snapshot =
              dump_json(snapshot_object(snapshot_of(core_, id, batch->second, clock_.now())));
        }
        watching.needs_snapshot = !tell(watcher, snapshot);
      } else if (sign) {
        static_cast<void>(tell(watcher, R"({"event":"alive"})"));
      }
    }
  }
}

std::vector<std::pair<Watches::Watcher, BatchId>> Watches::take_ended() {
  std::vector<std::pair<Watcher, BatchId>> ended;
  for (auto watched = batches_.begin(); watched != batches_.end();) {
    if (!watched->second.ended) {
      ++watched;
      continue;
    }
    for (const auto& [watcher, watching] : watched->second.watchers) {
      ended.emplace_back(watcher, watched->first);
    }
    watched = batches_.erase(watched);
  }
  return ended;
}

}  // namespace athanor::coordinator
