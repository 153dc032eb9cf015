#include "coordinator/cli/client_connection.hpp"
#include "coordinator/cli/spelling.hpp"
#include "coordinator/cli/verb.hpp"
#include "shared/base/units.hpp"

#include <ostream>
#include <utility>

namespace athanor::coordinator {
namespace {

std::string after(const Json& object, std::string_view key) {
  return human_duration(
      std::chrono::milliseconds(static_cast<std::int64_t>(number_in(object, key))));
}

void print_formats(std::ostream& out, std::string_view title, const Json::Array& formats) {
  for (const Json& format : formats) {
    out << "  " << title << ' ' << text_in(format, "format") << ' ' << text_in(format, "hash")
        << ", " << human_size(number_in(format, "size")) << ": " << text_in(format, "key") << '\n';
  }
}

void print_spec(std::ostream& out, const Json& spec) {
  std::string wanted;
  for (const Json& format : list_in(spec, "wanted")) {
    wanted += format.as_string() == nullptr ? "" : " " + *format.as_string();
  }
  out << "  wanted:" << wanted << '\n';
  for (const Json& digest : list_in(spec, "expected")) {
    out << "  expected:";
    for (const std::string_view part : {"md5", "sha256"}) {
      if (const std::string hash = text_in(digest, part); !hash.empty()) {
        out << ' ' << part << ' ' << hash;
      }
    }
    if (const std::uint64_t size = number_in(digest, "size"); size != 0) {
      out << ", " << size << " bytes";
    }
    out << '\n';
  }
  print_formats(out, "the store had", list_in(spec, "store_had"));
}

void print_history(std::ostream& out, const Json& job) {
  if (const std::uint64_t forgotten = number_in(job, "history_forgotten"); forgotten != 0) {
    out << "  " << counted(forgotten, "older attempt") << " are forgotten\n";
  }
  for (const Json& attempt : list_in(job, "history")) {
    out << "  attempt " << number_in(attempt, "attempt") << " at " << text_in(attempt, "worker")
        << ", " << after(attempt, "ms") << ", ended " << after(attempt, "ago_ms")
        << " ago: " << text_in(attempt, "end") << " in " << text_in(attempt, "stage");
    if (const std::string origin = text_in(attempt, "origin"); !origin.empty()) {
      out << ", origin " << origin;
    }
    if (const std::string message = text_in(attempt, "message"); !message.empty()) {
      out << ": " << message;
    }
    out << '\n';
  }
  for (const Json& attempt : list_in(job, "running")) {
    out << "  attempt " << number_in(attempt, "attempt") << " at " << text_in(attempt, "worker")
        << " since " << after(attempt, "since_ms") << ": " << text_in(attempt, "stage") << ", "
        << human_size(number_in(attempt, "bytes")) << "; its lease ends in "
        << after(attempt, "expires_ms") << " unless it is renewed\n";
  }
}

void print_outcome(std::ostream& out, const Json& job) {
  const Json& result = object_in(job, "result");
  if (const std::string from = text_in(result, "from"); !from.empty()) {
    out << "  came from: " << from;
    if (const std::string worker = text_in(result, "worker"); !worker.empty()) {
      out << ", by " << worker;
    }
    out << ", " << human_size(number_in(result, "fetched_bytes")) << " fetched\n";
    const Json& digest = object_in(result, "source_digest");
    if (!text_in(digest, "sha256").empty()) {
      out << "  its bytes: md5 " << text_in(digest, "md5") << " sha256 "
          << text_in(digest, "sha256") << '\n';
    }
    print_formats(out, "in the store", list_in(result, "formats"));
  }
  const Json& failure = object_in(job, "failure");
  if (const std::string message = text_in(failure, "message"); !message.empty()) {
    out << "  last failure: " << text_in(failure, "stage") << ": " << message;
    if (const std::string hint = text_in(failure, "hint"); !hint.empty()) {
      out << ". " << hint;
    }
    out << '\n';
  }
}

void print_job(std::ostream& out, const Json& job) {
  out << "job " << number_in(job, "job") << "  " << text_in(job, "source") << '\n'
      << "  " << text_in(job, "state") << ": " << text_in(job, "why") << '\n';
  print_spec(out, object_in(job, "spec"));
  out << "  " << counted(number_in(job, "attempts"), "attempt") << ", "
      << counted(number_in(job, "failures"), "failure") << ", "
      << counted(number_in(job, "workers_died"), "worker") << " died over it\n";
  print_history(out, job);
  print_outcome(out, job);
  for (const Json& waiter : list_in(job, "waiters")) {
    out << "  waits for it: batch " << number_in(waiter, "batch") << " ("
        << text_in(waiter, "batch_name") << "), " << text_in(waiter, "platform") << ' '
        << text_in(waiter, "environment") << '\n';
  }
  const std::uint64_t listed = list_in(job, "waiters").size();
  if (const std::uint64_t all = number_in(job, "waiting_environments"); all > listed) {
    out << "  and " << all - listed << " more environments\n";
  }
}

class ExplainVerb final : public ClientVerb {
 public:
  cli::CommandText text() const override {
    return {.name = "explain",
            .usage = "URL|KEY|JOB [OPTIONS]",
            .summary = "Say why a package is where it is",
            .description =
                "Everything that the coordinator knows of a package: what is wanted and expected, "
                "what the store had, each attempt with its worker and origin, digests, who waits "
                "for it, and why it waits now. A package is meant by its URL or a part of it, by a "
                "key of the store, or by a job's number.",
            .examples = {
                {.command = "athanor explain numpy-2.0", .says = "Any package whose URL holds it."},
                {.command = "athanor explain 4711 --json", .says = "One job, for a program."}}};
  }
  void declare(cli::OptionTable& table) override {
    table.positionals({.name = "WHAT",
                       .at_least = 1,
                       .at_most = 1,
                       .help = "A package's URL or a part of one, a store key, or a job's number."},
                      names_);
    declare_client(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    ATHANOR_ASSIGN(const std::unique_ptr<ClientSession> session, connect(context));
    ATHANOR_ASSIGN(const Json answer, session->ask(protocol::Question::explain, names_.front()));
    if (print_json(context, answer)) {
      return cli::ExitStatus::ready;
    }
    for (const Json& job : list_in(answer, "jobs")) {
      print_job(context.out, job);
    }
    for (const Json& package : list_in(answer, "present")) {
      context.out << text_in(package, "source") << '\n'
                  << "  " << text_in(package, "state") << ": " << text_in(package, "why") << '\n';
      print_spec(context.out, object_in(package, "spec"));
    }
    return cli::ExitStatus::ready;
  }

 private:
  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<Verb> make_explain_verb() {
  return std::make_unique<ExplainVerb>();
}

}  // namespace athanor::coordinator
