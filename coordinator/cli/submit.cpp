#include "coordinator/cli/batch_watch.hpp"
#include "coordinator/cli/client_connection.hpp"
#include "coordinator/cli/preparation.hpp"
#include "coordinator/cli/spelling.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/document/submission_document.hpp"
#include "shared/base/random.hpp"
#include "shared/base/strings.hpp"
#include "shared/os/machine.hpp"

#include <charconv>
#include <chrono>
#include <ostream>
#include <utility>

namespace athanor::coordinator {
namespace {

class SubmitVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "submit",
        .usage = "INPUT... [--wait|--detach] [OPTIONS]",
        .summary = "Hand the inputs to a coordinator that serves",
        .description =
            "Reads the inputs here and hands what they ask for to a coordinator (athanor serve), "
            "which plans it, has its workers do it and describes the environments. The batch's "
            "number is printed once the coordinator can't lose it any more. On a terminal, or with "
            "--wait, the batch is then watched to its end as with athanor run, and the exit code "
            "says how it ended; interrupting ends the watching, not the batch.\n\n"
            "Credentials in the inputs' URLs are sent along and kept in the coordinator's memory "
            "only: one that is started again fetches without them until the inputs are submitted "
            "again.",
        .examples = {{.command = "athanor submit conda-lock.yml pixi.lock",
                      .says = "To the coordinator of this machine; watch it."},
                     {.command = "athanor submit *.lock --detach --priority 100 --name nightly",
                      .says = "From cron: at half the share of other batches."},
                     {.command = "athanor submit pixi.lock --wait --json",
                      .says = "From CI: one JSON verdict at the end."}}};
  }

  void declare(cli::OptionTable& table) override {
    preparation_.declare(table);
    preparation_.declare_publishing(table);
    declare_connection(table, preparation_.options().settings());
    table.add({.name = "state-dir", .value_name = "DIR"},
              preparation_.options().settings().state_dir);
    table.heading("Batch");
    table.add({.name = "wait", .help = "Watch the batch to its end. Default on a terminal."},
              wait_);
    table.add({.name = "detach",
               .letter = 'd',
               .help = "Only print the batch's number. Default where there is no terminal."},
              detach_);
    table.add({.name = "name",
               .value_name = "NAME",
               .help = "What people call the batch. Default: the first input."},
              name_);
    table.add({.name = "priority",
               .value_name = "N",
               .help = "Its share of the workers: 100 points more are half the share; lower is "
                       "more urgent, 0 is normal."},
              priority_);
    table.heading("Progress");
    table.add({.name = "progress", .value_name = "HOW"},
              preparation_.options().settings().progress);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_TRY(preparation_.load(context, Preparation::StoreNeed::optional));
    if (wait_ && detach_) {
      return make_error(ErrorKind::invalid, "--wait and --detach exclude each other");
    }
    ATHANOR_ASSIGN(const std::unique_ptr<BatchWatcher> watcher,
                   BatchWatcher::open(context, preparation_.settings()));
    ATHANOR_ASSIGN(const EncodedSubmission submission, make_submission_of(context));
    ATHANOR_ASSIGN(const std::unique_ptr<ClientSession> session,
                   connect_client(preparation_.settings(), preparation_.store_url(), context));
    session->set_stop_fd(watcher->stop_fd());
    ATHANOR_ASSIGN(const Json answer, session->submit(submission));
    const BatchId batch{number_in(answer, "batch")};
    const bool watch = wait_ || (!detach_ && context.err_terminal.is_terminal);
    if (context.common.output == OutputFormat::text) {
      (watch ? context.err : context.out) << "batch " << batch.value << '\n';
    } else if (!watch || context.common.output == OutputFormat::jsonl) {
      Json object = answer;
      object.set("event", "submitted");
      context.out << dump_json(object) << '\n';
    }
    context.out.flush();
    return watch ? watcher->watch(*session, batch)
                 : Result<cli::ExitStatus>(cli::ExitStatus::ready);
  }

 private:
  Result<EncodedSubmission> make_submission_of(VerbContext& context) {
    const config::Settings& settings = preparation_.settings();
    ATHANOR_ASSIGN(Preparation::ReadInputs read, preparation_.read_inputs(context, {}));
    if (!read.complete()) {
      return make_error(ErrorKind::invalid,
                        "not everything that the inputs ask for could be solved; nothing was "
                        "submitted",
                        "--platform and --environment choose what can be solved");
    }
    IntakeResult intake = std::move(read.intake);
    print_warnings(context, intake.warnings);
    DocumentHead head;
    head.token = Random::from_entropy().next();
    head.name = printable(name_.value_or(preparation_.first_input()), limits::k_filename_bytes - 8);
    ATHANOR_ASSIGN(head.priority, priority());
    head.user = settings.resolved_by->empty() ? user_name() : *settings.resolved_by;
    head.submitted_ms =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                       context.clock.wall_now().time_since_epoch())
                                       .count());
    ExactRequests requests;
    requests.intake = std::move(intake);
    requests.formats = format_choice_from_string(*settings.format).value_or(requests.formats);
    return encode_submission(std::move(head), Asked(std::move(requests)));
  }

  Result<int> priority() const {
    int value = 0;
    if (priority_.empty()) {
      return value;
    }
    constexpr int k_most = 100'000;
    const char* end = priority_.data() + priority_.size();
    const auto read = std::from_chars(priority_.data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end || value < -k_most || value > k_most) {
      return make_error(ErrorKind::invalid, "--priority: '" + printable(priority_, 64) +
                                                "' is no whole number between -100000 and 100000");
    }
    return value;
  }

  Preparation preparation_;
  bool wait_ = false;
  bool detach_ = false;
  std::optional<std::string> name_;
  std::string priority_;
};

}  // namespace

std::unique_ptr<Verb> make_submit_verb() {
  return std::make_unique<SubmitVerb>();
}

}  // namespace athanor::coordinator
