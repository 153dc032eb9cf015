#include "worker/cli/program.hpp"

#include "shared/auth/access.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/version.hpp"
#include "shared/cli/exit_status.hpp"
#include "shared/cli/help.hpp"
#include "shared/cli/options.hpp"
#include "shared/config/load.hpp"
#include "shared/config/settings.hpp"
#include "shared/log/log.hpp"
#include "shared/os/machine.hpp"
#include "worker/supervisor/supervisor.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <string>
#include <vector>

namespace athanor::worker {
namespace {

using cli::ExitStatus;

struct CommandLine {
  std::string connect;
  std::string server_key;
  std::string key;
  bool insecure = false;
  std::string name;
  std::optional<std::uint64_t> jobs;
  std::optional<std::uint64_t> cpu;
  std::string scratch;
  std::string cache_dir;
  std::string on_coordinator_lost = "stop";
  std::optional<std::uint64_t> lost_timeout;
  std::optional<std::uint64_t> drain_timeout;
  std::optional<std::uint64_t> idle_timeout;
  std::optional<std::uint64_t> time_limit;
  std::optional<std::uint64_t> max_jobs;
  std::string log_level = "info";
  std::string log_format = "text";
  bool help = false;
  bool version = false;
};

void declare_coordinator(cli::OptionTable& table, CommandLine& line) {
  table.heading("Coordinator");
  table.add({.name = "connect",
             .value_name = "ENDPOINT",
             .help = "Where the coordinator is: ipc:///path/to/socket or tcp://host:port."},
            line.connect);
  table.add(
      {.name = "server-key",
       .value_name = "KEY",
       .help = "The coordinator's public key, or the file that it is in. Whoever doesn't have "
               "it is not spoken to. tcp:// endpoints need it."},
      line.server_key);
  table.add({.name = "key",
             .value_name = "FILE",
             .help = "This worker's secret key, made by 'athanor keys new'; the coordinator's list "
                     "must hold its public half. tcp:// endpoints need it."},
            line.key);
  table.add({.name = "insecure",
             .help = "Allow a tcp:// endpoint without keys: whoever can reach it or is on the way "
                     "can read and forge everything, credentials in URLs included."},
            line.insecure);
  table.add(
      {.name = "on-coordinator-lost",
       .value_name = "WHAT",
       .help = "What to do when the coordinator isn't heard for --lost-timeout: stop, or wait "
               "for ever.",
       .choices = {"stop", "wait"}},
      line.on_coordinator_lost);
  table.add({.name = "lost-timeout", .value_name = "SECONDS", .help = "Default: 60."},
            line.lost_timeout);
  table.add({.name = "name",
             .value_name = "NAME",
             .help = "What people call this worker. Default: host/pid."},
            line.name);
}

void declare(cli::OptionTable& table, CommandLine& line) {
  declare_coordinator(table, line);
  table.heading("Work");
  table.add(
      {.name = "jobs",
       .letter = 'j',
       .value_name = "N",
       .help = "Jobs that run at once. Default: two more than twice --cpu, since most wait for "
               "the network."},
      line.jobs);
  table.add(
      {.name = "cpu",
       .value_name = "N",
       .help = "Jobs that convert packages at once. Default: the processors that this process "
               "may use."},
      line.cpu);
  table.add(
      {.name = "scratch",
       .value_name = "DIR",
       .help = "Where packages are kept while they are worked on; must have room for --jobs of "
               "them. Default: TMPDIR, or /tmp."},
      line.scratch);
  table.add({.name = "cache-dir",
             .value_name = "DIR",
             .help = "Where channels' indices are kept for solving; this user's workers on this "
                     "machine share it. Default: athanor in XDG_CACHE_HOME, or ~/.cache/athanor."},
            line.cache_dir);
  table.heading("Leaving");
  table.add({.name = "drain-timeout",
             .value_name = "SECONDS",
             .help = "After SIGTERM: give back what still runs after so long. Default: 600."},
            line.drain_timeout);
  table.add({.name = "idle-timeout",
             .value_name = "SECONDS",
             .help = "Leave after so long without a job."},
            line.idle_timeout);
  table.add({.name = "time-limit",
             .value_name = "SECONDS",
             .help = "Take no new job after so long, finish what runs and leave."},
            line.time_limit);
  table.add({.name = "max-jobs",
             .value_name = "N",
             .help = "Leave after so many jobs, whatever becomes of them."},
            line.max_jobs);
  table.heading("Talk");
  table.add({.name = "log-level",
             .value_name = "LEVEL",
             .help = "The least grave events that are told on stderr. Default: info.",
             .choices = {"debug", "info", "warning", "error", "off"}},
            line.log_level);
  table.add({.name = "log-format",
             .value_name = "FORM",
             .help = "Default: text.",
             .choices = {"text", "json"}},
            line.log_format);
  table.add({.name = "help", .letter = 'h', .help = "Show this text."}, line.help);
  table.add({.name = "version", .help = "Show the version."}, line.version);
}

const cli::CommandText& command_text() {
  static const cli::CommandText k_text{
      .name = "--connect ENDPOINT",
      .usage = "[OPTIONS]",
      .summary = "does the jobs that a coordinator grants",
      .description =
          "Connects to a coordinator (athanor serve, or athanor run, which starts workers of its "
          "own), takes jobs, and for each fetches a package, checks it, converts it and publishes "
          "it in the store. How that is done is the coordinator's to say. How origins are reached "
          "from this machine, passwords and tokens included, is not: that is read here, from "
          "[network], [auth] and [conda] of /etc/athanor/config.toml and "
          "~/.config/athanor/config.toml, their ATHANOR_ variables, conda's configuration and the "
          "places where passwords are kept.\n\n"
          "Workers may come and go at any time: what one held when it vanished is done by another. "
          "A worker whose coordinator is started again finds it and goes on with what runs.\n\n"
          "SIGTERM or SIGINT: takes nothing new, finishes what runs, leaves. A second one: gives "
          "everything back at once.\n\n"
          "Exit codes: 0 it has left as it should; 2 the command line is wrong; 3 the coordinator "
          "refused it; 75 no coordinator was heard for --lost-timeout; 143 a second signal ended "
          "it.",
      .examples = {{.command = "athanor-worker --connect ipc:///run/athanor/workers.sock --jobs 8",
                    .says = "join a coordinator on this machine"},
                   {.command = "athanor-worker --connect tcp://build.example:5670 "
                               "--server-key build.public --key cruncher-7.secret",
                    .says = "join one elsewhere"},
                   {.command = "athanor-worker --connect tcp://build.example:5670 "
                               "--server-key build.public --key night.secret --time-limit 3300 "
                               "--idle-timeout 120",
                    .says = "in a batch system's job of one hour"}}};
  return k_text;
}

// Twice as many are held as run, and a Hello names at most k_worker_jobs.
constexpr unsigned k_most_slots = limits::k_worker_jobs / 2;

// What is asked for must be possible; what is found out about a large machine is only cut.
Result<unsigned> bounded(const std::optional<std::uint64_t>& given, unsigned otherwise,
                         std::string_view option) {
  if (!given) {
    return std::min(otherwise, k_most_slots);
  }
  if (*given == 0 || *given > k_most_slots) {
    return make_error(
        ErrorKind::invalid,
        "--" + std::string(option) + " must be between 1 and " + std::to_string(k_most_slots),
        "start several workers where one isn't enough");
  }
  return static_cast<unsigned>(*given);
}

// Absent where no keys are given; the endpoint decides whether that is allowed.
Result<std::optional<transport::EndpointSecurity>> security_of(const CommandLine& line) {
  if (line.key.empty() && line.server_key.empty()) {
    return std::optional<transport::EndpointSecurity>();
  }
  if (line.key.empty() || line.server_key.empty()) {
    return make_error(ErrorKind::invalid,
                      line.key.empty() ? "--server-key needs --key" : "--key needs --server-key",
                      "both ends know each other by their keys, or neither does");
  }
  transport::EndpointSecurity security;
  ATHANOR_ASSIGN(security.keys, transport::read_secret_key(line.key));
  ATHANOR_ASSIGN(security.server_key, transport::resolve_public_key(line.server_key));
  return std::optional(std::move(security));
}

std::optional<std::chrono::milliseconds> seconds(const std::optional<std::uint64_t>& given) {
  constexpr std::uint64_t k_most = 365ULL * 24U * 3600U;
  return given ? std::optional<std::chrono::milliseconds>(
                     std::chrono::seconds(std::min(*given, k_most)))
               : std::nullopt;
}

std::filesystem::path cache_directory(const std::string& asked,
                                      const std::filesystem::path& otherwise) {
  const EnvironmentLookup environment = process_environment();
  if (!asked.empty()) {
    return asked;
  }
  if (const std::string cache = environment("XDG_CACHE_HOME").value_or(""); !cache.empty()) {
    return std::filesystem::path(cache) / "athanor";
  }
  if (const std::string home = environment("HOME").value_or(""); !home.empty()) {
    return std::filesystem::path(home) / ".cache" / "athanor";
  }
  return otherwise / "athanor-cache";
}

Result<WorkerOptions> options_of(const CommandLine& line) {
  if (line.connect.empty()) {
    return make_error(ErrorKind::invalid, "--connect is missing",
                      "name the coordinator's endpoint, for example ipc:///run/athanor/workers");
  }
  WorkerOptions options;
  options.endpoint = line.connect;
  options.exposure =
      line.insecure ? transport::Exposure::insecure : transport::Exposure::local_only;
  ATHANOR_ASSIGN(options.security, security_of(line));
  options.name = line.name.empty() ? host_name() + "/" + std::to_string(::getpid()) : line.name;
  if (options.name.size() > limits::k_filename_bytes || printable(options.name) != options.name) {
    return make_error(ErrorKind::invalid, "--name must be at most 255 bytes of plain text");
  }
  ATHANOR_ASSIGN(options.cpu, bounded(line.cpu, cpu_count(), "cpu"));
  ATHANOR_ASSIGN(options.slots, bounded(line.jobs, 2 * options.cpu + 2, "jobs"));
  const std::string temporary = process_environment()("TMPDIR").value_or("");
  options.scratch_parent =
      !line.scratch.empty() ? line.scratch : (temporary.empty() ? "/tmp" : temporary);
  options.cache_directory = cache_directory(line.cache_dir, options.scratch_parent);
  options.on_coordinator_lost =
      line.on_coordinator_lost == "wait" ? OnCoordinatorLost::wait : OnCoordinatorLost::stop;
  options.lost_patience = seconds(line.lost_timeout).value_or(options.lost_patience);
  options.drain_timeout = seconds(line.drain_timeout).value_or(options.drain_timeout);
  options.idle_timeout = seconds(line.idle_timeout);
  options.time_limit = seconds(line.time_limit);
  if (line.max_jobs == 0U) {
    return make_error(ErrorKind::invalid, "--max-jobs must be at least 1");
  }
  options.max_jobs = line.max_jobs;
  return options;
}

ExitStatus status_of(const WorkerResult& result) {
  switch (result.end) {
    case WorkerEnd::left:
      return ExitStatus::ready;
    case WorkerEnd::interrupted:
      return ExitStatus::terminated;
    case WorkerEnd::rejected:
      return ExitStatus::refused;
    case WorkerEnd::coordinator_lost:
      return ExitStatus::try_later;
  }
  return ExitStatus::partial;
}

ExitStatus complain(const Error& error) {
  std::fprintf(stderr, "athanor-worker: %s\n", error.to_string().c_str());
  return cli::exit_status_of(error.kind);
}

// Only what belongs to this machine counts: a project's file is nobody's here.
Result<Access> access_of_machine() {
  config::Settings settings;
  ATHANOR_TRY(
      config::load(settings, {.environment = process_environment(), .working_directory = {}}));
  std::error_code ignored;
  return load_access(settings, {.environment = process_environment(),
                                .working_directory = std::filesystem::current_path(ignored)});
}

ExitStatus work(const CommandLine& line) {
  Result<WorkerOptions> options = options_of(line);
  if (!options) {
    return complain(options.error());
  }
  Result<Access> access = access_of_machine();
  if (!access) {
    return complain(access.error());
  }
  options->access = std::move(*access);
  Logger log({.level = log_level_from_string(line.log_level).value_or(LogLevel::info),
              .form = line.log_format == "json" ? LogForm::json : LogForm::text});
  for (const std::string& warning : options->access.warnings) {
    log.warning(warning);
  }
  const SystemClock clock;
  const Result<WorkerResult> result = run_worker(*options, clock, log);
  if (!result) {
    return complain(result.error());
  }
  const ExitStatus status = status_of(*result);
  if (!result->threads_ended) {
    log.warning("a job didn't stop in time; ending without it");
    std::_Exit(cli::code(status));
  }
  return status;
}

}  // namespace

int run_program(int argc, char** argv) {
  try {
    CommandLine line;
    cli::OptionTable table;
    declare(table, line);
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    if (const Result<void> parsed = table.parse(arguments); !parsed) {
      return cli::code(complain(parsed.error()));
    }
    if (line.help) {
      std::fputs(cli::help_text("athanor-worker", command_text(), table).c_str(), stdout);
      return cli::code(ExitStatus::ready);
    }
    if (line.version) {
      std::printf("athanor-worker %s\n", std::string(version()).c_str());
      return cli::code(ExitStatus::ready);
    }
    return cli::code(work(line));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "athanor-worker: %s\n", error.what());
    return cli::code(ExitStatus::partial);
  }
}

}  // namespace athanor::worker
