#include "coordinator/cli/asking.hpp"

#include "coordinator/cli/solve_host.hpp"
#include "coordinator/specs/pypi_programs.hpp"
#include "shared/base/strings.hpp"
#include "shared/channels/condarc.hpp"
#include "shared/os/machine.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ostream>

namespace athanor::coordinator {
namespace {

// For a command that only looks.
class NoSolving final : public SolveService {
 public:
  Result<std::vector<Result<SolveSuccess>>> solve(std::span<const SolveRequest> questions,
                                                  std::stop_token /*stop*/) override {
    std::vector<Result<SolveSuccess>> answers;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      answers.emplace_back(make_error(ErrorKind::not_found,
                                      "the store describes no environment of this requirement",
                                      "athanor run solves it and puts it there"));
    }
    return answers;
  }
};

std::optional<int> digits(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && text.front() != '-'
             ? std::optional<int>(value)
             : std::nullopt;
}

// What conda itself would search, if somebody has said it; conda-forge otherwise.
std::vector<std::string> default_channels(const config::Settings& settings,
                                          const CondaConfig& conda) {
  if (!settings.resolve_channels->empty()) {
    return *settings.resolve_channels;
  }
  const bool said = std::any_of(conda.shown.begin(), conda.shown.end(),
                                [](const CondaShown& shown) { return shown.name == "channels"; });
  return said ? conda.channels.channels : std::vector<std::string>{"conda-forge"};
}

}  // namespace

std::string host_platform(const EnvironmentLookup& environment) {
  if (const auto subdir = environment("CONDA_SUBDIR"); subdir && !subdir->empty()) {
    return *subdir;
  }
  struct utsname names {};
  if (::uname(&names) != 0) {
    return "linux-64";
  }
  const std::string_view system = names.sysname;
  const std::string_view machine = names.machine;
  const std::string_view word = machine == "x86_64" || machine == "amd64" ? "64" : machine;
  if (system == "Darwin") {
    return "osx-" + std::string(word);
  }
  return "linux-" + std::string(word);
}

std::optional<std::uint64_t> parse_day(std::string_view text) {
  constexpr std::size_t k_day = 10;
  constexpr std::size_t k_second = 19;
  if ((text.size() != k_day && text.size() != k_second) || text[4] != '-' || text[7] != '-') {
    return std::nullopt;
  }
  const auto year = digits(text.substr(0, 4));
  const auto month = digits(text.substr(5, 2));
  const auto day = digits(text.substr(8, 2));
  if (!year || !month || !day) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)});
  if (!date.ok()) {
    return std::nullopt;
  }
  std::chrono::milliseconds since = std::chrono::sys_days(date).time_since_epoch();
  if (text.size() == k_second) {
    const auto hour = digits(text.substr(11, 2));
    const auto minute = digits(text.substr(14, 2));
    const auto second = digits(text.substr(17, 2));
    if (text[10] != 'T' || text[13] != ':' || text[16] != ':' || !hour || !minute || !second) {
      return std::nullopt;
    }
    since +=
        std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  }
  return since.count() < 0
             ? std::nullopt
             : std::optional<std::uint64_t>(static_cast<std::uint64_t>(since.count()));
}

void Asking::declare(cli::OptionTable& table, SettingsOptions& options) {
  config::Settings& settings = options.settings();
  table.heading("Solving");
  table.add({.name = "channel",
             .letter = 'c',
             .value_name = "CHANNEL",
             .help = "Search this channel (a name or URL) before those that inputs name; may be "
                     "repeated, the first one first."},
            channels_);
  table.add({.name = "default-channel", .value_name = "CHANNEL"}, settings.resolve_channels);
  table.add({.name = "channel-priority", .value_name = "HOW"}, settings.channel_priority);
  table.add({.name = "use-latest", .value_name = "WHOSE"}, settings.use_latest);
  table.add({.name = "force", .help = "Solve anew, whatever the store has."}, force_);
  table.add({.name = "using",
             .value_name = "ALIAS",
             .help = "Extend this environment of the store: its packages stay as they are."},
            base_);
  table.add({.name = "system", .value_name = "NAME=VERSION"}, settings.system_packages);
  table.add({.name = "index", .value_name = "URL"}, settings.pypi_index);
  table.add({.name = "pins", .value_name = "MEANING"}, settings.pins);
  table.add(
      {.name = "exclude-newer",
       .value_name = "DATE",
       .help = "Take no package that was made after it (2026-01-31, or with T01:02:03; UTC)."},
      exclude_newer_);
  table.add({.name = "environment-name",
             .value_name = "NAME",
             .help = "What the environment of specs on the command line is called. Default: "
                     "default."},
            name_);
}

Result<AskOptions> Asking::ask_options(VerbContext& context, const Place& place,
                                       std::vector<std::string> channels) const {
  AskOptions options;
  options.platforms = *place.settings.platforms;
  options.environments = place.environments;
  options.host_platform = host_platform(context.environment);
  options.name = name_;
  options.channels = channels_;
  options.default_channels = std::move(channels);
  options.system = *place.settings.system_packages;
  if (const auto glibc = context.environment("CONDA_OVERRIDE_GLIBC"); glibc && !glibc->empty()) {
    options.system["linux-64/__glibc"] = *glibc;
  }
  if (const auto cuda = context.environment("CONDA_OVERRIDE_CUDA"); cuda && !cuda->empty()) {
    options.system["linux-64/__cuda"] = *cuda;
  }
  options.index = *place.settings.pypi_index;
  options.pins = *place.settings.pins == "extension" ? PinMeaning::extension : PinMeaning::conda;
  return options;
}

Result<ResolveOptions> Asking::resolve_options(VerbContext& context, const Place& place) const {
  ResolveOptions options;
  const std::string& priority = *place.settings.channel_priority;
  options.choices.channel_priority = priority == "strict"     ? ChannelPriority::strict
                                     : priority == "disabled" ? ChannelPriority::disabled
                                                              : ChannelPriority::flexible;
  options.choices.virtual_packages = virtual_overrides(context.environment);
  if (exclude_newer_) {
    const auto until = parse_day(*exclude_newer_);
    if (!until) {
      return make_error(ErrorKind::invalid,
                        "--exclude-newer: '" + printable(*exclude_newer_, 64) + "' is no date",
                        "it looks like 2026-01-31 or 2026-01-31T01:02:03");
    }
    options.choices.exclude_newer = *until;
  }
  const std::string user =
      place.settings.resolved_by->empty() ? user_name() : *place.settings.resolved_by;
  ATHANOR_ASSIGN(options.use_latest,
                 UseLatest::parse(force_ ? ":none:" : *place.settings.use_latest, user));
  options.base = base_;
  return options;
}

Result<Resolution> Asking::resolve(VerbContext& context, const SortedInputs& inputs,
                                   const Place& place) const {
  CondaConfig conda;
  if (*place.settings.conda_config) {
    ATHANOR_ASSIGN(conda, load_conda_config({.environment = context.environment,
                                             .working_directory = context.working_directory}));
  }
  ATHANOR_ASSIGN(const AskOptions asking,
                 ask_options(context, place, default_channels(place.settings, conda)));
  std::vector<std::string> warnings = conda.warnings;
  ATHANOR_ASSIGN(std::vector<AskedEnvironment> asked, read_asked(inputs, asking, warnings));
  for (const std::string& warning : warnings) {
    print_warning(context, warning);
  }
  ATHANOR_ASSIGN(const ResolveOptions options, resolve_options(context, place));
  const ChannelConfig channels(conda.channels);
  const Layout layout(*place.settings.store_packages, *place.settings.store_environments);
  std::optional<KnownEnvironments> known;
  if (place.store != nullptr) {
    known.emplace(*place.store, layout);
  }
  SolveHost host(context, place.settings, place.name, place.stop_fd);
  NoSolving nobody;
  PypiPrograms pypi(context.environment);
  SolveService& solver = place.solving == Place::Solving::yes ? static_cast<SolveService&>(host)
                                                              : static_cast<SolveService&>(nobody);
  return Resolver(channels, solver, pypi, known ? &*known : nullptr)
      .resolve(std::move(asked), options, place.stop);
}

std::vector<std::string> unresolved_lines(const Resolution& resolution) {
  std::vector<std::string> lines;
  for (const ResolvedEnvironment& environment : resolution.environments) {
    for (const FailedPlatform& failure : environment.failures) {
      std::string line = environment.name + " for " + failure.platform + ": ";
      line += failure.error.message;
      line += failure.error.hint.empty() ? "" : "\n" + failure.error.hint;
      lines.push_back(std::move(line));
    }
    if (!environment.failures.empty() && !environment.platforms.empty()) {
      lines.push_back(environment.name +
                      ": nothing of it is published, because not all of its platforms could be "
                      "solved; --platform chooses those that can");
    }
  }
  return lines;
}

void print_unresolved(VerbContext& context, const Resolution& resolution) {
  if (context.common.quiet > 1) {
    return;
  }
  for (const std::string& text : unresolved_lines(resolution)) {
    context.err << styled(context.err_terminal, cli::Style::red, "not solved:") << ' ';
    const char* separator = "";
    for (const std::string_view line : split(text, '\n')) {
      context.err << separator << printable(line, 4096);
      separator = "\n  ";
    }
    context.err << '\n';
  }
}

}  // namespace athanor::coordinator
