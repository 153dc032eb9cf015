#include "coordinator/cli/preparation.hpp"

#include "coordinator/cli/origin_settings.hpp"
#include "coordinator/intake/intake.hpp"
#include "coordinator/plan/show_plan.hpp"
#include "coordinator/plan/survey.hpp"
#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <ostream>
#include <utility>

namespace athanor::coordinator {

namespace {

Error usage_error(std::string message, std::string hint = {}) {
  return make_error(ErrorKind::invalid, std::move(message), std::move(hint));
}

// Both sides of every entry are URLs, and no local files are read unless that was allowed.
Result<void> check_origin_map(const config::Settings& settings) {
  for (const auto& [from, to] : *settings.origin_map) {
    for (const std::string& side : {from, to}) {
      auto url = Url::parse(side);
      if (!url) {
        return std::move(url).error().with_context("origins.map");
      }
      if (url->scheme == "file" && !*settings.allow_file_urls) {
        return usage_error("origins.map: '" + redact_url(side) + "' is a local file",
                           "--allow-file-urls allows it");
      }
    }
  }
  return {};
}

// Whether all of them may share one alias: it names one full id.
bool is_one_environment(const std::vector<EnvironmentRequest*>& requests) {
  if (requests.size() <= 1) {
    return true;
  }
  const std::string& group = requests.front()->coresolve_group;
  return !group.empty() && std::all_of(requests.begin(), requests.end(), [&](const auto* request) {
    return request->coresolve_group == group;
  });
}

std::vector<std::string> names_of(const std::vector<EnvironmentRequest*>& requests) {
  std::vector<std::string> names;
  for (const EnvironmentRequest* request : requests) {
    if (std::find(names.begin(), names.end(), request->name) == names.end()) {
      names.push_back(request->name);
    }
  }
  return names;
}

}  // namespace

bool is_iso_time(const std::string& text) {
  constexpr std::string_view k_shape = "dddd-dd-ddTdd:dd:dd.dddddd";
  constexpr std::size_t k_whole_seconds = 19;
  if (text.size() != k_shape.size() && text.size() != k_whole_seconds) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (k_shape[i] == 'd' ? !digit : text[i] != k_shape[i]) {
      return false;
    }
  }
  const auto number = [&](std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  return number(5) >= 1 && number(5) <= 12 && number(8) >= 1 && number(8) <= 31 &&
         number(11) <= 23 && number(14) <= 59 && number(17) <= 59;
}

void Preparation::declare(cli::OptionTable& table, Inputs inputs) {
  table.positionals({.name = "INPUT",
                     .at_least = inputs == Inputs::required ? std::size_t{1} : std::size_t{0},
                     .at_most = k_most_inputs,
                     .help = "conda-lock.yml, pixi.lock, @EXPLICIT files, environment "
                             "descriptions, conda_v2.cnd, Metaflow's conda manifest, lists of "
                             "URLs; and what says what is wanted: environment.yml, "
                             "requirements.txt, pixi.toml, settings files, specs such as "
                             "'numpy>=1.24'. Files are recognised by their content. - is standard "
                             "input."},
                    inputs_);
  options_.declare_store(table);
  options_.declare_input(table);
  declare_environment_names(table, environments_);
  asking_.declare(table, options_);
  options_.declare_files(table);
}

void Preparation::declare_publishing(cli::OptionTable& table) {
  table.heading("Environments");
  table.add({.name = "requirements",
             .letter = 'r',
             .value_name = "FILE",
             .help = "What was asked for when the lock file was made (environment.yml, "
                     "requirements.txt, pixi.toml): readers find the environment by it. Without "
                     "it the manifest beside the lock counts, else the exact packages."},
            requirements_);
  table.add({.name = "alias",
             .letter = 'a',
             .value_name = "[ENVIRONMENT=]NAME:TAG",
             .help = "A name under which readers find the environment, all of its platforms; may "
                     "be repeated. With several environments, say which. The tags latest, "
                     "candidate and stable may be moved, others never."},
            aliases_);
  table.add({.name = "resolved-on",
             .value_name = "TIME",
             .help = "The time written into descriptions whose input gives none, such as "
                     "2026-01-31T01:02:03; for reproducible results. Otherwise it is now."},
            resolved_on_);
}

Result<void> Preparation::load(VerbContext& context, StoreNeed need) {
  ATHANOR_ASSIGN(const config::LoadReport report, options_.load(context));
  const std::string& url = *settings().store_url;
  if (url.empty() && need == StoreNeed::required) {
    return usage_error("no store is given",
                       "give --store URL, or set ATHANOR_STORE or store.url in athanor.toml");
  }
  store_url_ = url.empty() || url.find("://") != std::string::npos
                   ? url
                   : (context.working_directory / url).lexically_normal().string();
  if (resolved_on_ && !is_iso_time(*resolved_on_)) {
    return usage_error("--resolved-on: '" + printable(*resolved_on_, 64) + "' is no time",
                       "it looks like 2026-01-31T01:02:03, without a zone");
  }
  ATHANOR_TRY(check_origin_map(settings()));
  return check_origin_settings(settings());
}

Result<Preparation::ReadInputs> Preparation::read_inputs(VerbContext& context,
                                                         const Reading& reading) const {
  ATHANOR_ASSIGN(const SortedInputs sorted, sort_inputs(inputs_));
  ReadInputs read;
  if (sorted.asks()) {
    ATHANOR_ASSIGN(read.resolution, resolve(context, sorted, reading));
  }
  if (!sorted.exact.empty()) {
    IntakeOptions options;
    options.platforms = *settings().platforms;
    options.environments = environments_;
    options.requirements_file = requirements_;
    options.file_urls = *settings().allow_file_urls ? FileUrls::allow : FileUrls::refuse;
    ATHANOR_ASSIGN(read.intake, coordinator::read_inputs(sorted.exact, options));
  }
  for (EnvironmentRequest& request : read.resolution.requests()) {
    read.intake.environments.push_back(std::move(request));
  }
  for (EnvironmentRequest& request : read.intake.environments) {
    if (!request.resolved_on) {
      request.resolved_on = resolved_on_;
    }
  }
  ATHANOR_TRY(apply_aliases(read.intake));
  return read;
}

Result<Resolution> Preparation::resolve(VerbContext& context, const SortedInputs& sorted,
                                        const Reading& reading) const {
  // Where no store is given, or it isn't there yet, nothing is known.
  Result<std::unique_ptr<Store>> store = std::unique_ptr<Store>();
  if (!store_url_.empty()) {
    store = open_store(CreateStore::no);
  }
  if (!store && store.error().kind != ErrorKind::not_found) {
    return std::move(store).error();
  }
  ATHANOR_ASSIGN(Resolution resolution,
                 asking_.resolve(context, sorted,
                                 {.settings = settings(),
                                  .environments = environments_,
                                  .store = store ? store->get() : nullptr,
                                  .name = store_url_.empty() ? "resolve" : store_url_,
                                  .stop_fd = reading.stop_fd,
                                  .stop = reading.stop,
                                  .solving = reading.solving}));
  if (reading.solving == Asking::Place::Solving::yes) {
    print_unresolved(context, resolution);
  }
  return resolution;
}

Result<void> Preparation::apply_aliases(IntakeResult& intake) const {
  for (const std::string& given : aliases_) {
    // "ENVIRONMENT=NAME:TAG": no alias holds "=".
    const std::size_t equal = given.find('=');
    const std::string alias = equal == std::string::npos ? given : given.substr(equal + 1);
    const std::string name = equal == std::string::npos ? "" : given.substr(0, equal);
    if (auto key = layout().alias_key(alias); !key) {
      return std::move(key).error().with_context("--alias");
    }
    std::vector<EnvironmentRequest*> meant;
    for (EnvironmentRequest& request : intake.environments) {
      if (equal == std::string::npos || request.name == name) {
        meant.push_back(&request);
      }
    }
    if (!is_one_environment(meant)) {
      const std::vector<std::string> names = names_of(meant);
      return usage_error(
          "--alias " + printable(given, 200) + ": the inputs hold " + std::to_string(names.size()) +
              " environments that it could mean: " + printable(join(names, ", "), 400),
          names.size() > 1 ? "--alias ENVIRONMENT=" + printable(alias, 200) +
                                 " says which; each input's platforms are one environment"
                           : "--platform or --environment chooses one");
    }
    if (meant.empty() && !name.empty()) {
      return usage_error("--alias " + printable(given, 200) + ": no input has the environment '" +
                         printable(name, 80) + "'");
    }
    for (EnvironmentRequest* request : meant) {
      request->aliases.push_back(alias);
    }
  }
  return {};
}

Result<std::unique_ptr<Store>> Preparation::open_store(CreateStore create) const {
  return athanor::open_store(store_url_, create);
}

Layout Preparation::layout() const {
  return Layout(*settings().store_packages, *settings().store_environments);
}

Result<Plan> Preparation::make_plan(Store& store, IntakeResult intake, std::stop_token stop) const {
  const Layout keys = layout();
  ATHANOR_ASSIGN(const Survey survey,
                 survey_store(store, keys, distinct_sources(intake, keys), std::move(stop)));
  return plan_for(std::move(intake), survey);
}

Result<Plan> Preparation::plan_only(VerbContext& context, IntakeResult intake,
                                    std::stop_token stop) const {
  auto store = open_store(CreateStore::no);
  if (!store && store.error().kind == ErrorKind::not_found) {
    print_warning(context, store.error().message + "; it is planned for as an empty one");
    return plan_for(std::move(intake), {});
  }
  if (!store) {
    return std::move(store).error();
  }
  return make_plan(**store, std::move(intake), std::move(stop));
}

Plan Preparation::plan_for(IntakeResult intake, const Survey& survey) const {
  PlanOptions options;
  options.formats = format_choice_from_string(*settings().format).value_or(options.formats);
  options.origin_map = *settings().origin_map;
  return coordinator::make_plan(std::move(intake), survey, layout(), options);
}

void print_plan(VerbContext& context, const Plan& plan) {
  if (context.common.output == OutputFormat::text) {
    context.out << show_plan(plan);
    return;
  }
  print_warnings(context, plan.warnings);
  context.out << dump_json(plan_to_json(plan)) << '\n';
}

void print_warnings(VerbContext& context, const std::vector<std::string>& warnings) {
  constexpr std::size_t k_most = 20;
  const std::size_t shown =
      context.common.verbose > 0 ? warnings.size() : std::min(warnings.size(), k_most);
  for (std::size_t i = 0; i < shown; ++i) {
    print_warning(context, warnings[i]);
  }
  if (shown < warnings.size()) {
    print_warning(context, std::to_string(warnings.size() - shown) + " more; -v shows all");
  }
}

}  // namespace athanor::coordinator
