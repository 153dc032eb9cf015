#pragma once

#include "shared/base/result.hpp"
#include "shared/config/setting.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::cli {

// One option of a command, as data: the parser, the help and the tests all read it from here.
struct Option {
  std::string name = {};                  // "store", without dashes
  char letter = '\0';                     // 's' for -s; '\0': none
  std::string value_name = {};            // "URL", for the help; empty: a switch without a value
  std::string help = {};                  // whole sentences
  std::vector<std::string> choices = {};  // if not empty, the only values accepted
  bool repeatable = false;                // every occurrence counts; otherwise the last one wins
  std::string group = {};                 // the heading it stands under in the help
};

// Takes an option's value (empty for a switch); invalid: the value is wrong, says what was
// expected. The message is completed with the option's name.
using OptionSink = std::function<Result<void>(const std::string& value)>;

// What the positional arguments of a command are.
struct Positionals {
  std::string name = {};  // "INPUT"
  std::size_t at_least = 0;
  std::size_t at_most = 0;
  std::string help = {};
};

// The options of one command, bound to variables. Targets must outlive parse(). Not thread-safe.
//
//   OptionTable table;
//   table.heading("Store");
//   table.add({.name = "store", .letter = 's', .value_name = "URL", .help = "…"}, store_url);
//   table.positionals({.name = "INPUT", .at_least = 1, .at_most = 10'000, .help = "…"}, inputs);
//   ATHANOR_TRY(table.parse(arguments));
class OptionTable {
 public:
  // The heading for the options that are added from here on.
  void heading(std::string text);

  void add(Option option, OptionSink sink);
  // A switch: true once it is given.
  void add(Option option, bool& target);
  // A switch that counts its occurrences (-vv).
  void add(Option option, int& target);
  void add(Option option, std::string& target);
  void add(Option option, std::optional<std::string>& target);
  // A whole number; anything else is refused.
  void add(Option option, std::optional<std::uint64_t>& target);
  // Repeatable, in the order given.
  void add(Option option, std::vector<std::string>& target);

  // The flag of a setting: name, letter and value's name are the flag's, help, choices and default
  // the setting's (more help is put in front). What is given becomes its value, with the flag as
  // origin. A switch sets true.
  void add(Option option, config::SettingBase& setting);

  void positionals(Positionals what, std::vector<std::string>& target);

  // Reads the arguments (without program and command). `--name value`, `--name=value`, `-n value`,
  // `-nvalue`, bundled switches `-vq`, `--` ends the options, `-` is a positional. invalid: unknown
  // option (with the nearest known one as hint), missing or surplus value, wrong number of
  // positionals, a value that its sink refuses.
  Result<void> parse(std::span<const std::string> arguments) const;

  // The option spelled "--name", "--name=…" or "-n"; null pointer if there is none.
  const Option* find(std::string_view argument) const;

  std::vector<Option> options() const;
  const std::optional<Positionals>& positionals() const { return positionals_; }

 private:
  struct Bound {
    Option option;
    OptionSink sink;
  };

  Error unknown_option(std::string_view argument) const;
  Result<void> deliver(const std::vector<std::vector<std::string>>& values,
                       const std::vector<std::size_t>& counts) const;

  std::string heading_ = "Options";
  std::vector<Bound> bound_;
  std::optional<Positionals> positionals_;
  std::vector<std::string>* positional_target_ = nullptr;
};

// "'sotre' is not …; did you mean 'store'?": a hint for what a person may have meant, empty if
// nothing known is near.
std::string did_you_mean(std::string_view typed, std::span<const std::string> known);

}  // namespace athanor::cli
