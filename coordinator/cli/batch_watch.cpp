#include "coordinator/cli/batch_watch.hpp"

#include "coordinator/cli/client_connection.hpp"
#include "coordinator/cli/run_talk.hpp"
#include "coordinator/cli/verdict_line.hpp"
#include "coordinator/cli/work_options.hpp"
#include "coordinator/document/batch_snapshot.hpp"
#include "coordinator/document/event_json.hpp"
#include "coordinator/server/verdict.hpp"
#include "shared/cli/stop_requests.hpp"
#include "shared/os/signals.hpp"

#include <mutex>
#include <ostream>
#include <utility>

namespace athanor::coordinator {
namespace {

class Watcher final : public BatchWatcher {
 public:
  Watcher(VerbContext& context, const config::Settings& settings)
      : context_(context),
        settings_(settings) {}

  Result<void> listen() {
    ATHANOR_ASSIGN(requests_,
                   cli::StopRequests::open({.on_request = {}, .on_tick = [this] { tick(); }}));
    return {};
  }

  int stop_fd() const override { return requests_->fd(); }

  Result<cli::ExitStatus> watch(ClientSession& session, BatchId batch) override {
    RunTalkOptions options;
    options.style = progress_style(*settings_.progress, context_);
    options.detail = detail_of(context_.common);
    options.output = context_.common.output;
    options.heartbeat = *settings_.heartbeat;
    RunTalk talk(options, std::vector<EnvironmentLabel>{}, context_, talk_screen);
    set_talk(&talk);
    session.set_stop_fd(requests_->fd());
    auto document =
        session.watch(batch, {.on_event = [&](const Json& event) { take(talk, event, batch); },
                              .on_away =
                                  [&](bool away) {
                                    talk.note(away ? "the coordinator is away; waiting for "
                                                     "it to come back"
                                                   : "the coordinator is back");
                                  }});
    set_talk(nullptr);
    talk.finish();
    if (!document && document.error().kind == ErrorKind::canceled) {
      context_.err << "batch " << batch.value << " goes on; 'athanor batch wait " << batch.value
                   << "' comes back to it\n";
      return requests_->status();
    }
    if (!document) {
      return std::move(document).error();
    }
    Verdict verdict = verdict_from_json(object_in(*document, "verdict"));
    if (text_in(*document, "state") == "canceled") {
      context_.err << "batch " << batch.value << " was canceled\n";
    }
    return conclude(context_, verdict);
  }

 private:
  void take(RunTalk& talk, const Json& event, BatchId batch) {
    if (text_in(event, "event") == "snapshot") {
      const BatchSnapshot snapshot = snapshot_from_object(event);
      if (!snapshot.trouble.empty() &&
          std::exchange(trouble_, snapshot.trouble) != snapshot.trouble) {
        talk.note("planning has to wait: " + snapshot.trouble);
      }
      talk.restore(snapshot);
    } else if (const auto known = event_from_object(event, batch)) {
      talk.on_event(*known);
    }
  }
  void tick() {
    const std::lock_guard lock(mutex_);
    if (talk_ != nullptr) {
      talk_->tick();
    }
  }
  void set_talk(RunTalk* talk) {
    const std::lock_guard lock(mutex_);
    talk_ = talk;
  }

  VerbContext& context_;
  const config::Settings& settings_;
  std::mutex mutex_;
  RunTalk* talk_ = nullptr;
  std::string trouble_;
  std::unique_ptr<cli::StopRequests> requests_;  // goes first: its thread uses the rest
};

}  // namespace

Result<std::unique_ptr<BatchWatcher>> BatchWatcher::open(VerbContext& context,
                                                         const config::Settings& settings) {
  ignore_broken_pipes();
  auto watcher = std::make_unique<Watcher>(context, settings);
  ATHANOR_TRY(watcher->listen());
  return std::unique_ptr<BatchWatcher>(std::move(watcher));
}

}  // namespace athanor::coordinator
