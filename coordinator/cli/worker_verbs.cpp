#include "coordinator/cli/client_connection.hpp"
#include "coordinator/cli/spelling.hpp"
#include "coordinator/cli/verb.hpp"

#include <ostream>
#include <utility>

namespace athanor::coordinator {
namespace {

class WorkerListVerb final : public ClientVerb {
 public:
  cli::CommandText text() const override {
    return {.name = "worker list",
            .usage = "[OPTIONS]",
            .summary = "List the workers of a coordinator",
            .description = "Who is there, how much each holds, and, with -v, what it is at.",
            .examples = {{.command = "athanor worker list -v", .says = "With each one's jobs."}}};
  }
  void declare(cli::OptionTable& table) override { declare_client(table); }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::unique_ptr<ClientSession> session, connect(context));
    ATHANOR_ASSIGN(const Json answer, session->ask(protocol::Question::workers));
    if (print_json(context, answer)) {
      return cli::ExitStatus::ready;
    }
    for (const Json& worker : list_in(answer, "workers")) {
      const Json::Array& jobs = list_in(worker, "jobs");
      context.out << number_in(worker, "worker") << "  " << text_in(worker, "state") << "  "
                  << jobs.size() << "/" << number_in(worker, "room") << " jobs  "
                  << text_in(worker, "name") << "  " << text_in(worker, "version") << '\n';
      if (context.common.verbose == 0) {
        continue;
      }
      for (const Json& job : jobs) {
        context.out << "    " << text_in(job, "stage") << "  " << text_in(job, "source") << '\n';
      }
    }
    return cli::ExitStatus::ready;
  }
};

// drain and resume differ in the order that they give.
class WorkerOrderVerb : public ClientVerb {
 public:
  explicit WorkerOrderVerb(protocol::Order order)
      : order_(order) {}

  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "WORKER",
                       .at_least = 0,
                       .at_most = 1'000,
                       .help = "Workers' numbers or names (athanor worker list)."},
                      workers_);
    table.heading("Workers");
    table.add({.name = "all", .help = "Every worker."}, all_);
    table.add({.name = "match",
               .value_name = "GLOB",
               .help = "Workers whose names match, such as 'rack-3-*'."},
              match_);
    declare_client(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    std::vector<std::string> meant = workers_;
    if (all_) {
      meant.emplace_back("*");
    }
    if (!match_.empty()) {
      meant.push_back(match_);
    }
    if (meant.empty()) {
      return make_error(ErrorKind::invalid, "no worker is named",
                        "give a number or a name, --match GLOB, or --all");
    }
    ATHANOR_ASSIGN(const std::unique_ptr<ClientSession> session, connect(context));
    Json::Array all;
    for (const std::string& one : meant) {
      ATHANOR_ASSIGN(const Json answer, session->command(order_, one));
      const Json::Array& workers = list_in(answer, "workers");
      all.insert(all.end(), workers.begin(), workers.end());
    }
    return report(context, std::move(all));
  }

 private:
  cli::ExitStatus report(VerbContext& context, Json::Array workers) const {
    bool every = true;
    for (const Json& worker : workers) {
      const Json* done = worker.find("done");
      const bool obeyed = done != nullptr && done->as_bool().value_or(false);
      every = every && obeyed;
      if (context.common.output != OutputFormat::text) {
        continue;
      }
      const bool drain = order_ == protocol::Order::drain;
      context.out << text_in(worker, "name")
                  << (obeyed ? (drain ? " drains" : " takes work again")
                             : " can't: it has left, or was told to leave")
                  << '\n';
    }
    if (context.common.output != OutputFormat::text) {
      context.out << dump_json(Json::object({{"schema", 1}, {"workers", std::move(workers)}}))
                  << '\n';
    }
    return every ? cli::ExitStatus::ready : cli::ExitStatus::partial;
  }

  const protocol::Order order_;
  std::vector<std::string> workers_;
  bool all_ = false;
  std::string match_;
};

class WorkerDrainVerb final : public WorkerOrderVerb {
 public:
  WorkerDrainVerb()
      : WorkerOrderVerb(protocol::Order::drain) {}

  cli::CommandText text() const override {
    return {.name = "worker drain",
            .usage = "WORKER...|--all|--match GLOB [OPTIONS]",
            .summary = "Let workers finish what they hold, and leave",
            .description = "They get nothing new; when they hold nothing any more, they end.",
            .examples = {{.command = "athanor worker drain --match 'rack-3-*'",
                          .says = "Before its machines are switched off."}}};
  }
};

class WorkerResumeVerb final : public WorkerOrderVerb {
 public:
  WorkerResumeVerb()
      : WorkerOrderVerb(protocol::Order::resume) {}

  cli::CommandText text() const override {
    return {.name = "worker resume",
            .usage = "WORKER...|--all|--match GLOB [OPTIONS]",
            .summary = "Let draining workers take work again",
            .description =
                "As long as they haven't been sent away: that is when the last job that "
                "they held is over.",
            .examples = {{.command = "athanor worker resume --all", .says = "Never mind."}}};
  }
};

}  // namespace

std::unique_ptr<Verb> make_worker_list_verb() {
  return std::make_unique<WorkerListVerb>();
}
std::unique_ptr<Verb> make_worker_drain_verb() {
  return std::make_unique<WorkerDrainVerb>();
}
std::unique_ptr<Verb> make_worker_resume_verb() {
  return std::make_unique<WorkerResumeVerb>();
}

}  // namespace athanor::coordinator
