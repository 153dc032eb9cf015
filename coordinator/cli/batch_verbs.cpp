#include "coordinator/cli/batch_watch.hpp"
#include "coordinator/cli/client_connection.hpp"
#include "coordinator/cli/spelling.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/cli/verdict_line.hpp"
#include "coordinator/server/verdict.hpp"

#include <charconv>
#include <ostream>
#include <utility>

namespace athanor::coordinator {
namespace {

std::string padded(std::string text, std::size_t columns) {
  text.resize(std::max(text.size() + 2, columns), ' ');
  return text;
}

// The base of the verbs that are about one batch.
class OneBatchVerb : public ClientVerb {
 public:
  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "BATCH", .at_least = 1, .at_most = 1, .help = "The batch's number."},
                      names_);
    declare_client(table);
  }

 protected:
  const std::string& name() const { return names_.front(); }

 private:
  std::vector<std::string> names_;
};

class BatchListVerb final : public ClientVerb {
 public:
  cli::CommandText text() const override {
    return {.name = "batch list",
            .usage = "[OPTIONS]",
            .summary = "List the batches of a coordinator",
            .description =
                "All batches that the coordinator knows, the oldest first: open ones, "
                "and those that ended lately.",
            .examples = {{.command = "athanor batch list", .says = "Where each batch is."}}};
  }
  void declare(cli::OptionTable& table) override { declare_client(table); }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::unique_ptr<ClientSession> session, connect(context));
    ATHANOR_ASSIGN(const Json answer, session->ask(protocol::Question::batches));
    if (print_json(context, answer)) {
      return cli::ExitStatus::ready;
    }
    for (const Json& batch : list_in(answer, "batches")) {
      const Json& environments = object_in(batch, "environments");
      const Json& packages = object_in(batch, "packages");
      const std::uint64_t over = number_in(packages, "new") + number_in(packages, "had");
      context.out << padded(std::to_string(number_in(batch, "batch")), 6)
                  << padded(text_in(batch, "state"), 10)
                  << padded(std::to_string(number_in(environments, "ready")) + "/" +
                                std::to_string(number_in(environments, "total")) + " ready",
                            14)
                  << padded(std::to_string(over) + "/" +
                                std::to_string(over + number_in(packages, "failed") +
                                               number_in(packages, "unfinished")) +
                                " packages",
                            22)
                  << padded(text_in(batch, "user"), 10) << text_in(batch, "name");
      if (number_in(packages, "failed") != 0) {
        context.out << "  (" << number_in(packages, "failed") << " failed)";
      }
      context.out << '\n';
    }
    return cli::ExitStatus::ready;
  }
};

class BatchShowVerb final : public OneBatchVerb {
 public:
  cli::CommandText text() const override {
    return {
        .name = "batch show",
        .usage = "BATCH [OPTIONS]",
        .summary = "Show a batch's environments, failures and numbers",
        .description =
            "What the batch came to so far. The exit code is that of the question, "
            "not of the batch: 'athanor batch wait' answers with the batch's.",
        .examples = {{.command = "athanor batch show 7", .says = "Which environments lack what."}}};
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::unique_ptr<ClientSession> session, connect(context));
    ATHANOR_ASSIGN(const Json answer, session->ask(protocol::Question::batch, name()));
    if (print_json(context, answer)) {
      return cli::ExitStatus::ready;
    }
    context.out << "batch " << number_in(answer, "batch") << " (" << text_in(answer, "name")
                << ") of " << text_in(answer, "user") << ": " << text_in(answer, "state") << '\n';
    if (const std::string trouble = text_in(answer, "trouble"); !trouble.empty()) {
      context.out << "planning has to wait: " << trouble << '\n';
    }
    for (const Json& environment : list_in(answer, "environments_list")) {
      context.out << "  " << padded(text_in(environment, "state"), 12)
                  << text_in(environment, "platform") << ' ' << text_in(environment, "name");
      if (const std::uint64_t left = number_in(environment, "packages_left"); left != 0) {
        context.out << ": " << counted(left, "package") << " left";
      }
      if (const std::string error = text_in(environment, "error"); !error.empty()) {
        context.out << ": " << error;
      }
      context.out << '\n';
    }
    const Json& verdict = object_in(answer, "verdict");
    for (const Json& failure : list_in(verdict, "failures")) {
      context.out << "  failed: " << text_in(failure, "source") << ": " << text_in(failure, "stage")
                  << ": " << text_in(failure, "message") << '\n';
    }
    context.out << verdict_line(verdict_from_json(verdict), context.out_terminal) << '\n';
    return cli::ExitStatus::ready;
  }
};

class BatchWaitVerb final : public OneBatchVerb {
 public:
  cli::CommandText text() const override {
    return {.name = "batch wait",
            .usage = "BATCH [OPTIONS]",
            .summary = "Watch a batch to its end",
            .description =
                "Shows the batch as athanor run shows its work, also one that others "
                "submitted, and ends with its verdict and exit code. Interrupting ends "
                "the watching, not the batch. A coordinator that is started again "
                "meanwhile is waited for.",
            .examples = {{.command = "athanor batch wait 7 --json",
                          .says = "In CI, after athanor submit --detach."}}};
  }
  void declare(cli::OptionTable& table) override {
    OneBatchVerb::declare(table);
    table.heading("Progress");
    table.add({.name = "progress", .value_name = "HOW"}, options_.settings().progress);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    std::uint64_t number = 0;
    const char* end = name().data() + name().size();
    const auto read = std::from_chars(name().data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end || number == 0) {
      return make_error(ErrorKind::invalid, "'" + name() + "' is no batch's number",
                        "'athanor batch list' shows them");
    }
    ATHANOR_ASSIGN(const std::unique_ptr<BatchWatcher> watcher,
                   BatchWatcher::open(context, options_.settings()));
    ATHANOR_ASSIGN(const std::unique_ptr<ClientSession> session, connect(context));
    return watcher->watch(*session, BatchId{number});
  }
};

class BatchCancelVerb final : public OneBatchVerb {
 public:
  cli::CommandText text() const override {
    return {.name = "batch cancel",
            .usage = "BATCH [OPTIONS]",
            .summary = "Give a batch up",
            .description =
                "Packages that no other batch waits for are given up, running ones "
                "included; what is in the store stays there.",
            .examples = {{.command = "athanor batch cancel 7", .says = "It was the wrong file."}}};
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::unique_ptr<ClientSession> session, connect(context));
    ATHANOR_ASSIGN(const Json answer, session->command(protocol::Order::cancel, name()));
    if (!print_json(context, answer)) {
      const Json* canceled = answer.find("canceled");
      const bool was_open = canceled != nullptr && canceled->as_bool().value_or(false);
      context.out << "batch " << number_in(answer, "batch")
                  << (was_open ? " is canceled" : " was over already") << '\n';
    }
    return cli::ExitStatus::ready;
  }
};

class BatchRetryVerb final : public OneBatchVerb {
 public:
  cli::CommandText text() const override {
    return {.name = "batch retry",
            .usage = "BATCH [OPTIONS]",
            .summary = "Try a batch's failed and quarantined packages again",
            .description =
                "Each gets a fresh budget of attempts; environments that lacked them "
                "are described once they are there. The batch is open again.",
            .examples = {{.command = "athanor batch retry 7", .says = "The channel is back."}}};
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::unique_ptr<ClientSession> session, connect(context));
    ATHANOR_ASSIGN(const Json answer, session->command(protocol::Order::retry, name()));
    if (!print_json(context, answer)) {
      context.out << "batch " << number_in(answer, "batch") << ": "
                  << counted(number_in(answer, "jobs"), "package") << " tried again for "
                  << counted(number_in(answer, "environments"), "environment") << '\n';
    }
    return cli::ExitStatus::ready;
  }
};

}  // namespace

std::unique_ptr<Verb> make_batch_list_verb() {
  return std::make_unique<BatchListVerb>();
}
std::unique_ptr<Verb> make_batch_show_verb() {
  return std::make_unique<BatchShowVerb>();
}
std::unique_ptr<Verb> make_batch_wait_verb() {
  return std::make_unique<BatchWaitVerb>();
}
std::unique_ptr<Verb> make_batch_cancel_verb() {
  return std::make_unique<BatchCancelVerb>();
}
std::unique_ptr<Verb> make_batch_retry_verb() {
  return std::make_unique<BatchRetryVerb>();
}

}  // namespace athanor::coordinator
