#include "coordinator/cli/listen_options.hpp"
#include "coordinator/cli/preparation.hpp"
#include "coordinator/cli/run_place.hpp"
#include "coordinator/cli/run_talk.hpp"
#include "coordinator/cli/spelling.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/cli/verdict_line.hpp"
#include "coordinator/cli/work_options.hpp"
#include "coordinator/server/coordinator.hpp"
#include "coordinator/server/verdict.hpp"
#include "shared/base/strings.hpp"
#include "shared/cli/stop_requests.hpp"
#include "shared/net/url.hpp"
#include "shared/os/machine.hpp"
#include "shared/os/signals.hpp"
#include "shared/store/observed_store.hpp"
#include "shared/store/probe.hpp"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <ostream>
#include <stop_token>
#include <utility>

namespace athanor::coordinator {

namespace {

// Connects signals, which may come at any time, with whatever the run is doing then.
class RunControl {
 public:
  void on_request(unsigned count) {
    stop_.request_stop();
    const std::lock_guard lock(mutex_);
    if (talk_ != nullptr) {
      talk_->stop_requested(count);
    }
  }
  void on_tick() {
    const std::lock_guard lock(mutex_);
    if (talk_ != nullptr) {
      talk_->tick();
    }
  }
  void set_talk(RunTalk* talk) {
    const std::lock_guard lock(mutex_);
    talk_ = talk;
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::mutex mutex_;
  RunTalk* talk_ = nullptr;
};

std::uint64_t needed_jobs(const Plan& plan) {
  return static_cast<std::uint64_t>(
      std::count_if(plan.packages.begin(), plan.packages.end(),
                    [](const PlannedPackage& package) { return package.needed; }));
}

class RunVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "run",
        .usage = "INPUT... [--store URL] [OPTIONS]",
        .summary = "Put every package of the inputs into the store",
        .description =
            "Makes it so: reads the inputs, asks the store what it has, fetches what is missing, "
            "checks it, transmutes it into the wanted formats and publishes it under its source; "
            "an environment is described in the store once all of its packages are there. What "
            "is done is durable; run it again after any failure, and again every night: where "
            "nothing is missing, nothing is fetched.",
        .examples = {{.command = "athanor run conda-lock.yml --store s3://bucket/conda_env",
                      .says = "Every platform and environment of a lock file."},
                     {.command = "athanor run *.lock --platform linux-64 --alias team/etl:latest",
                      .says = "One platform; flows find the environment by name."},
                     {.command = "athanor run pixi.lock --origin "
                                 "https://conda.anaconda.org=https://mirror.example/conda",
                      .says = "Fetch from a mirror; keys keep the source URL."},
                     {.command = "athanor run *.lock --listen 'tcp://*:5670' --key run.secret "
                                 "--allowed-keys workers",
                      .says = "athanor-worker on other machines helps."}}};
  }

  void declare(cli::OptionTable& table) override {
    preparation_.declare(table);
    preparation_.declare_publishing(table);
    preparation_.options().declare_network(table);
    preparation_.options().declare_work(table);
    listen_.declare(table);
    table.heading("Run");
    table.add({.name = "dry-run", .letter = 'n', .help = "Show the plan instead (athanor plan)."},
              dry_run_);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    const TimePoint started = context.clock.now();
    ATHANOR_TRY(preparation_.load(context));
    // The workers read it for themselves; what is wrong with it is better known now.
    ATHANOR_TRY(preparation_.options().load_access(context));
    ignore_broken_pipes();
    ATHANOR_ASSIGN(const std::unique_ptr<cli::StopRequests> requests,
                   cli::StopRequests::open(
                       {.on_request = [this](unsigned count) { control_.on_request(count); },
                        .on_tick = [this] { control_.on_tick(); }}));
    auto status = run_until_stopped(context, *requests, started);
    const cli::ExitStatus stopped = requests->status();
    if (!status && status.error().kind == ErrorKind::canceled &&
        stopped != cli::ExitStatus::ready) {
      context.err << "stopped before anything was done\n";
      return stopped;
    }
    return status;
  }

 private:
  Result<cli::ExitStatus> run_until_stopped(VerbContext& context, const cli::StopRequests& requests,
                                            TimePoint started) {
    ATHANOR_ASSIGN(
        Preparation::ReadInputs read,
        preparation_.read_inputs(context, {.stop_fd = requests.fd(), .stop = control_.token()}));
    complete_ = read.complete();
    IntakeResult intake = std::move(read.intake);
    if (!complete_ && intake.environments.empty() && intake.loose_packages.empty()) {
      return cli::ExitStatus::partial;  // Why was said.
    }
    if (dry_run_) {
      ATHANOR_ASSIGN(const Plan plan,
                     preparation_.plan_only(context, std::move(intake), control_.token()));
      print_plan(context, plan);
      return complete_ ? cli::ExitStatus::ready : cli::ExitStatus::partial;
    }
    ATHANOR_ASSIGN(std::unique_ptr<Store> opened, preparation_.open_store(CreateStore::yes));
    ObservedStore store(std::move(opened), context.clock);
    ATHANOR_ASSIGN(Plan made, preparation_.make_plan(store, std::move(intake), control_.token()));
    const auto plan = std::make_shared<const Plan>(std::move(made));
    print_warnings(context, plan->warnings);

    RunTalk talk(talk_options(context), plan, context, talk_screen);
    control_.set_talk(&talk);
    auto summary = work(context, store, plan, talk, requests.fd());
    control_.set_talk(nullptr);
    talk.finish();
    if (!summary) {
      return std::move(summary).error();
    }
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::milliseconds>(context.clock.now() - started);
    const StoreMetrics metrics = store.metrics();
    const cli::ExitStatus status = conclude(
        context, make_verdict(*plan, *summary, talk.source_sizes(), requests.status(), elapsed),
        &metrics);
    return status == cli::ExitStatus::ready && !complete_ ? cli::ExitStatus::partial : status;
  }

  RunTalkOptions talk_options(const VerbContext& context) const {
    RunTalkOptions options;
    options.style = progress_style(*preparation_.settings().progress, context);
    options.detail = detail_of(context.common);
    options.output = context.common.output;
    options.heartbeat = *preparation_.settings().heartbeat;
    return options;
  }

  // Where nothing is missing no worker is started; descriptions are still published.
  Result<RunSummary> work(VerbContext& context, Store& store, std::shared_ptr<const Plan> plan,
                          RunListener& listener, int stop_fd) {
    const config::Settings& settings = preparation_.settings();
    ATHANOR_ASSIGN(const RunPlace place,
                   RunPlace::take(settings, preparation_.store_url(), context));
    CoordinatorOptions options;
    options.settings = work_settings(preparation_.settings(), preparation_.store_url(), context);
    ATHANOR_ASSIGN(options.origins, parse_origin_rates(*settings.origin_rates));
    options.user = settings.resolved_by->empty() ? user_name() : *settings.resolved_by;
    options.state_directory = place.socket_directory();
    ATHANOR_TRY(listen_.apply(options, context));
    if (const std::uint64_t jobs = needed_jobs(*plan); jobs > 0) {
      // Better now than after gigabytes were fetched.
      ATHANOR_TRY(probe_writing(store));
      ATHANOR_ASSIGN(const bool conditional, store.creates_conditionally());
      if (!conditional) {
        print_warnings(
            context,
            {"the store at " + store.url() +
             " can't create objects conditionally: don't fill it from two places at once"});
      }
      const std::uint64_t wanted = *settings.workers == 0 ? cpu_count() : *settings.workers;
      ATHANOR_ASSIGN(options.workers, own_workers(settings, context, std::min(wanted, jobs)));
      options.journal = place.journal();
    }
    ATHANOR_ASSIGN(const std::unique_ptr<Coordinator> coordinator,
                   Coordinator::start(std::move(options), store, listener));
    ATHANOR_ASSIGN(const BatchId batch, coordinator->submit(std::move(plan), {.name = "run"}));
    ATHANOR_ASSIGN(RunSummary summary, coordinator->run_until_done(stop_fd));
    std::erase_if(summary.environments,
                  [&](const EnvironmentResult& result) { return !(result.batch == batch); });
    return summary;
  }

  Preparation preparation_;
  ListenOptions listen_;
  RunControl control_;
  bool dry_run_ = false;
  bool complete_ = true;  // whether everything that was asked for could be solved
};

}  // namespace

std::unique_ptr<Verb> make_run_verb() {
  return std::make_unique<RunVerb>();
}

}  // namespace athanor::coordinator
