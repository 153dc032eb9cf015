#pragma once

#include "coordinator/cli/asking.hpp"
#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/verb.hpp"
#include "coordinator/plan/plan.hpp"
#include "shared/layout/layout.hpp"
#include "shared/store/open_store.hpp"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace athanor::coordinator {

// What run, plan and check have in common: inputs, settings, an open store.
class Preparation {
 public:
  // INPUT..., and everything that says which of what they hold is meant and where it goes.
  enum class Inputs { required, optional };
  void declare(cli::OptionTable& table, Inputs inputs = Inputs::required);
  // The options that change what is published: requirements, aliases, dates.
  void declare_publishing(cli::OptionTable& table);

  // Reads the settings and checks what no module checks. First of all.
  enum class StoreNeed { required, optional };
  Result<void> load(VerbContext& context, StoreNeed need = StoreNeed::required);

  bool has_inputs() const { return !inputs_.empty(); }
  // As typed. REQUIRES: has_inputs().
  const std::string& first_input() const { return inputs_.front(); }
  // How a command that reads inputs may be stopped, and whether it solves what isn't exact or only
  // looks it up in the store.
  struct Reading {
    Asking::Place::Solving solving = Asking::Place::Solving::yes;
    int stop_fd = -1;
    std::stop_token stop = {};
  };
  // What all inputs came to.
  struct ReadInputs {
    IntakeResult intake = {};
    Resolution resolution = {};  // of the inputs that say what is wanted

    bool complete() const { return resolution.all_whole(); }
  };
  // Reads all inputs, solves what they leave open and applies the options to what they ask for.
  // What can't be solved is told on the talk, and isn't among the environments.
  Result<ReadInputs> read_inputs(VerbContext& context, const Reading& reading) const;
  Result<std::unique_ptr<Store>> open_store(CreateStore create) const;
  Layout layout() const;
  // Asks the store and puts both together.
  Result<Plan> make_plan(Store& store, IntakeResult intake, std::stop_token stop) const;
  // The same for showing: opens the store without making it. One that isn't there yet is planned
  // for as an empty one, with a warning.
  Result<Plan> plan_only(VerbContext& context, IntakeResult intake,
                         std::stop_token stop = {}) const;

  // The store's URL as processes in other directories can open it: a path made absolute.
  const std::string& store_url() const { return store_url_; }
  SettingsOptions& options() { return options_; }
  const config::Settings& settings() const { return options_.settings(); }

 private:
  Plan plan_for(IntakeResult intake, const Survey& survey) const;
  Result<void> apply_aliases(IntakeResult& intake) const;
  Result<Resolution> resolve(VerbContext& context, const SortedInputs& sorted,
                             const Reading& reading) const;

  SettingsOptions options_;
  Asking asking_;
  std::string store_url_;
  std::vector<std::string> inputs_;
  std::vector<std::string> environments_;
  std::string requirements_;
  std::vector<std::string> aliases_;
  std::optional<std::string> resolved_on_;
};

// The plan as the result, in the format that is asked for.
void print_plan(VerbContext& context, const Plan& plan);

// Prints a plan's warnings; more than a screenful only if the person wants to hear more.
void print_warnings(VerbContext& context, const std::vector<std::string>& warnings);

// Whether the text is a date and time as Python's datetime.isoformat() writes it, without zone:
// "2026-01-31T01:02:03" or with six digits of a fraction.
bool is_iso_time(const std::string& text);

}  // namespace athanor::coordinator
