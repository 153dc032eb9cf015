#include "coordinator/cli/dispatch.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/version.hpp"
#include "shared/json/json.hpp"

#include <algorithm>
#include <optional>
#include <ostream>

namespace athanor::coordinator {

namespace {

const std::string k_program = "athanor";

// What was typed, taken apart.
struct CommandLine {
  std::optional<VerbEntry> verb;
  std::vector<std::string> words;      // as typed in the verb's place
  std::vector<std::string> arguments;  // everything else
};

void declare_common(cli::OptionTable& table, CommonOptions& common, bool& help) {
  table.heading("Talk");
  table.add({.name = "verbose", .letter = 'v', .help = "Say more; twice, say everything."},
            common.verbose);
  table.add({.name = "quiet",
             .letter = 'q',
             .help = "Only warnings and the verdict; twice, only errors."},
            common.quiet);
  table.add(
      {.name = "json", .help = "Print the result as one JSON object on one line (--output json)."},
      [&common](const std::string&) -> Result<void> {
        common.output = OutputFormat::json;
        return {};
      });
  table.add({.name = "output",
             .value_name = "FORMAT",
             .help = "How the result is printed; jsonl is one JSON object per event.",
             .choices = {"text", "json", "jsonl"}},
            [&common](const std::string& value) -> Result<void> {
              common.output = value == "json"    ? OutputFormat::json
                              : value == "jsonl" ? OutputFormat::jsonl
                                                 : OutputFormat::text;
              return {};
            });
  table.add({.name = "color",
             .value_name = "WHEN",
             .help = "Colour; auto obeys NO_COLOR, FORCE_COLOR and TERM.",
             .choices = {"auto", "always", "never"}},
            [&common](const std::string& value) -> Result<void> {
              common.color = cli::color_choice_from_string(value).value_or(common.color);
              return {};
            });
  table.add({.name = "help", .letter = 'h', .help = "Print this."}, help);
}

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words;
  for (const std::string_view word : split(name, ' ')) {
    words.emplace_back(word);
  }
  return words;
}

// The longest verb whose words begin the typed words.
std::optional<VerbEntry> find_verb(std::span<const std::string> typed) {
  std::optional<VerbEntry> best;
  std::size_t best_words = 0;
  for (const VerbEntry& entry : verbs()) {
    const std::vector<std::string> words = words_of(entry.name);
    const bool begins =
        words.size() <= typed.size() && std::equal(words.begin(), words.end(), typed.begin());
    if (begins && words.size() > best_words) {
      best = entry;
      best_words = words.size();
    }
  }
  return best;
}

// Options may stand before the verb: they are the common ones and are handed on to it.
CommandLine take_apart(std::span<const std::string> arguments) {
  CommonOptions common;
  bool help = false;
  cli::OptionTable table;
  declare_common(table, common, help);
  CommandLine line;
  std::size_t at = 0;
  for (; at < arguments.size() && arguments[at].size() > 1 && arguments[at][0] == '-'; ++at) {
    line.arguments.push_back(arguments[at]);
    const cli::Option* option = table.find(arguments[at]);
    const bool takes_next = option != nullptr && !option->value_name.empty() &&
                            arguments[at].find('=') == std::string::npos;
    if (takes_next && at + 1 < arguments.size()) {
      line.arguments.push_back(arguments[++at]);
    }
  }
  const auto typed = arguments.subspan(at);
  line.verb = find_verb(typed);
  const std::size_t used =
      line.verb ? words_of(line.verb->name).size() : std::min<std::size_t>(typed.size(), 1);
  line.words.assign(typed.begin(), typed.begin() + static_cast<std::ptrdiff_t>(used));
  line.arguments.insert(line.arguments.end(), typed.begin() + static_cast<std::ptrdiff_t>(used),
                        typed.end());
  return line;
}

Error unknown_verb(std::span<const std::string> words) {
  // After a noun of ours ("archive"), the second word is the one to correct.
  std::vector<std::string> nouns;
  std::vector<std::string> known;
  for (const VerbEntry& entry : verbs()) {
    known.emplace_back(entry.name);
    if (!words.empty() && words_of(entry.name)[0] == words[0]) {
      nouns.emplace_back(entry.name);
    }
  }
  const std::string typed = join(words, " ");
  if (!nouns.empty()) {
    std::string hint = cli::did_you_mean(typed, nouns);
    if (hint.empty()) {
      hint = "known: " + join(nouns, ", ");
    }
    return make_error(ErrorKind::invalid, "'" + printable(typed, 64) + "' is not a command",
                      std::move(hint));
  }
  std::string hint = words.empty() ? std::string{} : cli::did_you_mean(words[0], known);
  if (hint.empty()) {
    hint = "`athanor --help` lists the commands";
  }
  return make_error(ErrorKind::invalid,
                    "'" + printable(words.empty() ? "" : words[0], 64) + "' is not a command",
                    std::move(hint));
}

void print_error(const Error& error, VerbContext& context) {
  const cli::Terminal& terminal = context.err_terminal;
  context.err << styled(terminal, cli::Style::red, "error:") << ' ' << error.message << '\n';
  if (!error.hint.empty()) {
    context.err << styled(terminal, cli::Style::cyan, "hint:") << ' ' << error.hint << '\n';
  }
}

// A machine that asked for JSON gets the failure as JSON, too.
cli::ExitStatus fail(const Error& error, VerbContext& context) {
  const cli::ExitStatus status = cli::exit_status_of(error.kind);
  print_error(error, context);
  if (context.common.output != OutputFormat::text) {
    Json object = Json::object({{"schema", 1},
                                {"event", "error"},
                                {"ok", false},
                                {"status", to_string(status)},
                                {"exit_code", code(status)}});
    object.set("error", Json::object({{"kind", to_string(error.kind)},
                                      {"message", error.message},
                                      {"hint", error.hint}}));
    context.out << dump_json(object) << '\n';
  }
  context.out.flush();
  return status;
}

bool asks_for(std::span<const std::string> arguments, std::string_view letter,
              std::string_view name) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    return argument == letter || argument == name;
  });
}

Result<cli::ExitStatus> run_verb(const CommandLine& line, VerbContext& context) {
  const std::unique_ptr<Verb> verb = line.verb->make();
  cli::OptionTable table;
  bool help = false;
  verb->declare(table);
  declare_common(table, context.common, help);
  // Help is given even if the rest of the line is wrong: whoever asks for it is still composing.
  const auto ended = std::find(line.arguments.begin(), line.arguments.end(), "--");
  const std::vector<std::string> before(line.arguments.begin(), ended);
  if (asks_for(before, "-h", "--help")) {
    context.out << help_text(k_program, verb->text(), table);
    return cli::ExitStatus::ready;
  }
  ATHANOR_TRY(table.parse(line.arguments));
  context.out_terminal.color = context.common.color == cli::ColorChoice::automatic
                                   ? context.out_terminal.color
                                   : context.common.color == cli::ColorChoice::always;
  context.err_terminal.color = context.common.color == cli::ColorChoice::automatic
                                   ? context.err_terminal.color
                                   : context.common.color == cli::ColorChoice::always;
  return verb->run(context);
}

}  // namespace

std::string overview_text() {
  std::string text =
      "athanor " + std::string(version()) +
      ": fills shared package stores before the jobs start.\n\n"
      "Usage: athanor COMMAND [OPTIONS]\n\n"
      "Examples:\n"
      "  athanor run conda-lock.yml --store s3://bucket/metaflow/conda_env\n"
      "      Every package of the lock file is in the store, every environment described.\n"
      "  athanor plan conda-lock.yml --store /data/store\n"
      "      What a run would do; changes nothing.\n"
      "  athanor check conda-lock.yml --store /data/store\n"
      "      Whether the environments start without the web.\n\n"
      "Commands:\n";
  for (const VerbEntry& entry : verbs()) {
    const cli::CommandText command = entry.make()->text();
    std::string left = "  " + command.name;
    left.resize(std::max<std::size_t>(left.size() + 2, 20), ' ');
    text += left + command.summary + "\n";
  }
  text +=
      "\n`athanor help COMMAND` or `athanor COMMAND --help` shows a command's options.\n"
      "Standard output is the result, standard error is the talk; --json gives one object.\n"
      "Exit codes: 0 all ready, 1 partial, 2 usage or configuration, 3 refused (a person must\n"
      "act), 75 try later (state is kept), 130/143 interrupted and drained.\n";
  return text;
}

Result<std::string> verb_help_text(std::span<const std::string> words) {
  const auto entry = find_verb(words);
  if (!entry) {
    return unknown_verb(words);
  }
  const std::unique_ptr<Verb> verb = entry->make();
  cli::OptionTable table;
  CommonOptions common;
  bool help = false;
  verb->declare(table);
  declare_common(table, common, help);
  return help_text(k_program, verb->text(), table);
}

cli::ExitStatus dispatch(std::span<const std::string> arguments, VerbContext& context) {
  const CommandLine line = take_apart(arguments);
  if (!line.verb) {
    if (line.words.empty() && asks_for(line.arguments, "-V", "--version")) {
      context.out << "athanor " << version() << '\n';
      return cli::ExitStatus::ready;
    }
    if (line.words.empty() && asks_for(line.arguments, "-h", "--help")) {
      context.out << overview_text();
      return cli::ExitStatus::ready;
    }
    if (line.words.empty() && line.arguments.empty()) {
      context.err << overview_text();
      return cli::ExitStatus::usage;
    }
    if (line.words.empty()) {
      return fail(
          make_error(ErrorKind::invalid, "no command given", "`athanor --help` lists the commands"),
          context);
    }
    std::vector<std::string> typed = line.words;
    if (!line.arguments.empty() && line.arguments[0].substr(0, 1) != "-") {
      typed.push_back(line.arguments[0]);
    }
    return fail(unknown_verb(typed), context);
  }
  auto status = run_verb(line, context);
  context.out.flush();
  return status ? *status : fail(status.error(), context);
}

}  // namespace athanor::coordinator
