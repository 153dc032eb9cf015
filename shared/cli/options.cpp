#include "shared/cli/options.hpp"

#include "shared/base/strings.hpp"
#include "shared/config/toml.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <deque>
#include <utility>

namespace athanor::cli {

namespace {

Error usage_error(std::string message, std::string hint = {}) {
  return make_error(ErrorKind::invalid, std::move(message), std::move(hint));
}

std::string spelled(const Option& option) {
  return "--" + option.name;
}

std::string parser_names(const Option& option) {
  std::string names = spelled(option);
  if (option.letter != '\0') {
    names += std::string(",-") + option.letter;
  }
  return names;
}

Result<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc{} || stop != end || text.empty()) {
    return usage_error("expected a whole number, got '" + printable(text, 64) + "'");
  }
  return number;
}

}  // namespace

std::string did_you_mean(std::string_view typed, std::span<const std::string> known) {
  const auto nearest = closest(typed, known);
  return nearest ? "did you mean '" + *nearest + "'?" : std::string{};
}

void OptionTable::heading(std::string text) {
  heading_ = std::move(text);
}

void OptionTable::add(Option option, OptionSink sink) {
  if (option.group.empty()) {
    option.group = heading_;
  }
  ATHANOR_CHECK(find("--" + option.name) == nullptr);
  bound_.push_back(Bound{.option = std::move(option), .sink = std::move(sink)});
}

void OptionTable::add(Option option, bool& target) {
  ATHANOR_CHECK(option.value_name.empty());
  add(std::move(option), [&target](const std::string&) -> Result<void> {
    target = true;
    return {};
  });
}

void OptionTable::add(Option option, int& target) {
  ATHANOR_CHECK(option.value_name.empty());
  option.repeatable = true;
  add(std::move(option), [&target](const std::string&) -> Result<void> {
    ++target;
    return {};
  });
}

void OptionTable::add(Option option, std::string& target) {
  add(std::move(option), [&target](const std::string& value) -> Result<void> {
    target = value;
    return {};
  });
}

void OptionTable::add(Option option, std::optional<std::string>& target) {
  add(std::move(option), [&target](const std::string& value) -> Result<void> {
    target = value;
    return {};
  });
}

void OptionTable::add(Option option, std::optional<std::uint64_t>& target) {
  add(std::move(option), [&target](const std::string& value) -> Result<void> {
    ATHANOR_ASSIGN(target, parse_number(value));
    return {};
  });
}

void OptionTable::add(Option option, std::vector<std::string>& target) {
  option.repeatable = true;
  add(std::move(option), [&target](const std::string& value) -> Result<void> {
    target.push_back(value);
    return {};
  });
}

void OptionTable::add(Option option, config::SettingBase& setting) {
  const config::SettingInfo& info = setting.info();
  option.help += (option.help.empty() ? "" : " ") + info.prose;
  option.help += " [" + config::spell_toml(setting.default_as_json()) + "; " + info.variable + "]";
  option.choices = info.choices;
  const std::string flag = "--" + option.name;
  const bool is_switch = option.value_name.empty();
  option.repeatable = setting.default_as_json().is_array() || setting.default_as_json().is_object();
  add(std::move(option), [&setting, flag, is_switch](const std::string& value) -> Result<void> {
    const config::Origin origin{config::Layer::flag, flag};
    return is_switch ? setting.assign_json(true, origin) : setting.assign_text(value, origin);
  });
}

void OptionTable::positionals(Positionals what, std::vector<std::string>& target) {
  positionals_ = std::move(what);
  positional_target_ = &target;
}

const Option* OptionTable::find(std::string_view argument) const {
  const std::string_view head = argument.substr(0, argument.find('='));
  for (const Bound& bound : bound_) {
    const bool by_letter = bound.option.letter != '\0' && head.size() == 2 && head[0] == '-' &&
                           head[1] == bound.option.letter;
    if (by_letter || head == spelled(bound.option)) {
      return &bound.option;
    }
  }
  return nullptr;
}

std::vector<Option> OptionTable::options() const {
  std::vector<Option> all;
  for (const Bound& bound : bound_) {
    all.push_back(bound.option);
  }
  return all;
}

Error OptionTable::unknown_option(std::string_view argument) const {
  const std::string typed(argument.substr(0, argument.find('=')));
  std::vector<std::string> known;
  for (const Bound& bound : bound_) {
    known.push_back(spelled(bound.option));
  }
  std::string hint = did_you_mean(typed, known);
  if (hint.empty()) {
    hint = "--help lists the options";
  }
  return usage_error("unknown option '" + printable(typed, 64) + "'", std::move(hint));
}

Result<void> OptionTable::parse(std::span<const std::string> arguments) const {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<std::vector<std::string>> values(bound_.size());
  std::vector<CLI::Option*> parsed(bound_.size(), nullptr);
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    const Option& option = bound_[i].option;
    if (option.value_name.empty()) {
      parsed[i] = app.add_flag(parser_names(option));
    } else {
      parsed[i] = app.add_option(parser_names(option), values[i]);
      parsed[i]->expected(1)->allow_extra_args(false);
      parsed[i]->multi_option_policy(option.repeatable ? CLI::MultiOptionPolicy::TakeAll
                                                       : CLI::MultiOptionPolicy::TakeLast);
    }
  }
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what(), "--help shows how the command is used");
  }
  bool options_ended = false;
  std::vector<std::string> rest;
  for (const std::string& argument : app.remaining()) {
    if (argument == "--" && !options_ended) {
      options_ended = true;
    } else if (argument.size() > 1 && argument[0] == '-' && !options_ended) {
      return unknown_option(argument);
    } else {
      rest.push_back(argument);
    }
  }
  std::vector<std::size_t> counts;
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    const Option& option = bound_[i].option;
    const std::vector<std::string>& given = parsed[i]->results();
    if (option.value_name.empty() &&
        std::any_of(given.begin(), given.end(), [](const auto& text) { return text != "true"; })) {
      return usage_error(spelled(option) + " takes no value");
    }
    counts.push_back(given.size());
  }
  ATHANOR_TRY(deliver(values, counts));

  const std::size_t most = positionals_ ? positionals_->at_most : 0;
  if (rest.size() > most) {
    return usage_error("unexpected argument '" + printable(rest[most], 64) + "'",
                       "--help shows how the command is used");
  }
  if (positionals_ && rest.size() < positionals_->at_least) {
    return usage_error("missing argument " + positionals_->name,
                       "--help shows how the command is used");
  }
  if (positional_target_ != nullptr) {
    *positional_target_ = std::move(rest);
  }
  return {};
}

Result<void> OptionTable::deliver(const std::vector<std::vector<std::string>>& values,
                                  const std::vector<std::size_t>& counts) const {
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    const Option& option = bound_[i].option;
    std::vector<std::string> given = values[i];
    if (option.value_name.empty()) {
      given.assign(option.repeatable ? counts[i] : std::min<std::size_t>(counts[i], 1), "");
    }
    for (const std::string& value : given) {
      if (!option.choices.empty() &&
          std::find(option.choices.begin(), option.choices.end(), value) == option.choices.end()) {
        return usage_error(spelled(option) + ": '" + printable(value, 64) + "' is none of " +
                               join(option.choices, ", "),
                           did_you_mean(value, option.choices));
      }
      if (auto taken = bound_[i].sink(value); !taken) {
        Error error = std::move(taken).error();
        const bool named = error.message.rfind(spelled(option), 0) == 0;
        return named ? error : std::move(error).with_context(spelled(option));
      }
    }
  }
  return {};
}

}  // namespace athanor::cli
