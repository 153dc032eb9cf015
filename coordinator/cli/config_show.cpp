#include "coordinator/cli/settings_options.hpp"
#include "coordinator/cli/show_environments.hpp"
#include "coordinator/cli/verb.hpp"
#include "shared/base/strings.hpp"
#include "shared/config/toml.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <ostream>

namespace athanor::coordinator {

namespace {

// The value without any secret: URLs lose their credentials, wherever in the value they stand.
enum class Texts { mixed, urls };  // "user:password@proxy:3128" is a URL only where one belongs
Json shown(const Json& value, Texts texts = Texts::mixed) {
  if (const std::string* text = value.as_string()) {
    const bool url = texts == Texts::urls || text->find("://") != std::string::npos;
    return url ? redact_url(*text) : *text;
  }
  if (const Json::Array* items = value.as_array()) {
    Json list = Json::array();
    for (const Json& item : *items) {
      list.push_back(shown(item, texts));
    }
    return list;
  }
  if (const Json::Object* members = value.as_object()) {
    Json table = Json::object();
    for (const Json::Member& member : *members) {
      table.set(*shown(Json(member.key)).as_string(), shown(member.value, texts));
    }
    return table;
  }
  return value;
}

Json shown(const config::SettingBase& setting, const Json& value) {
  const Texts texts = setting.info().name == "network.proxy" ? Texts::urls : Texts::mixed;
  return setting.info().secret && !(value == setting.default_as_json()) ? Json("***")
                                                                        : shown(value, texts);
}

Json shown(const CondaShown& setting) {
  return shown(setting.value, setting.name == "proxy_servers" ? Texts::urls : Texts::mixed);
}

Json origin_json(const config::Origin& origin) {
  return Json::object({{"layer", config::to_string(origin.layer)}, {"where", origin.where}});
}

Json setting_json(const config::SettingBase& setting) {
  Json object = Json::object({{"name", setting.info().name},
                              {"value", shown(setting, setting.value_as_json())},
                              {"default", setting.default_as_json()},
                              {"origin", origin_json(setting.origin())},
                              {"variable", setting.info().variable}});
  Json overrides = Json::array();
  for (const config::Overridden& weaker : setting.overridden()) {
    overrides.push_back(Json::object(
        {{"value", shown(setting, weaker.value)}, {"origin", origin_json(weaker.origin)}}));
  }
  object.set("overrides", std::move(overrides));
  if (const auto* entries = setting.entry_origins()) {
    Json origins = Json::object();
    for (const auto& [key, origin] : *entries) {
      origins.set(*shown(Json(key)).as_string(), origin_json(origin));
    }
    object.set("entry_origins", std::move(origins));
  }
  return object;
}

// One line of the text: "name = value", where it comes from, what it beats.
struct Line {
  std::string assignment;
  std::string origin;
};

std::vector<Line> text_lines(const config::SettingBase& setting) {
  std::vector<Line> lines;
  const auto* entries = setting.entry_origins();
  if (entries != nullptr && !entries->empty()) {
    const Json table = setting.value_as_json();
    for (const auto& [key, origin] : *entries) {
      lines.push_back({setting.info().name + "." + config::spell_toml(shown(Json(key))) + " = " +
                           config::spell_toml(shown(setting, *table.find(key))),
                       origin.where});
    }
    return lines;
  }
  std::string origin = setting.origin().where;
  for (auto weaker = setting.overridden().rbegin(); weaker != setting.overridden().rend();
       ++weaker) {
    origin += weaker == setting.overridden().rbegin() ? "  (overrides " : ", ";
    origin += weaker->origin.where + " = " + config::spell_toml(shown(setting, weaker->value));
  }
  origin += setting.overridden().empty() ? "" : ")";
  lines.push_back(
      {setting.info().name + " = " + config::spell_toml(shown(setting, setting.value_as_json())),
       std::move(origin)});
  return lines;
}

class ConfigShowVerb final : public Verb {
 public:
  cli::CommandText text() const override {
    return {.name = "config show",
            .usage = "[OPTIONS]",
            .summary = "Show every setting and where its value comes from",
            .description =
                "Shows every setting, its value and where that comes from: the default, a file "
                "and its line, Metaflow's or conda's own settings, an environment variable or a "
                "flag. Then what conda's own configuration says, which is obeyed for channels, "
                "proxies and certificates. Secrets are never shown.",
            .examples = {{.command = "athanor config show",
                          .says = "What a run in this directory would use."},
                         {.command = "METAFLOW_PROFILE=prod athanor config show --json",
                          .says = "The same for a Metaflow profile, for a program."},
                         {.command = "athanor config show --environments env.yaml",
                          .says = "Each environment that env.*.yaml make of it."}}};
  }

  void declare(cli::OptionTable& table) override {
    options_.declare_store(table);
    options_.declare_input(table);
    options_.declare_network(table);
    options_.declare_work(table);
    table.heading("Environments");
    table.add({.name = "environments",
               .value_name = "FILE",
               .help = "Show instead what this file of settings makes with its bindings: every "
                       "value of every environment, and the file and line that define it; may be "
                       "repeated."},
              environments_);
    options_.declare_files(table);
  }

  Result<cli::ExitStatus> run(VerbContext& context) override {
    if (!environments_.empty()) {
      ATHANOR_TRY(show_environments(context, environments_));
      return cli::ExitStatus::ready;
    }
    ATHANOR_ASSIGN(const config::LoadReport report, options_.load(context));
    // What conda's files say is shown even if something else about the network is wrong.
    CondaConfig conda;
    if (*options_.settings().conda_config) {
      ATHANOR_ASSIGN(conda, load_conda_config({.environment = context.environment,
                                               .working_directory = context.working_directory}));
    }
    if (context.common.output == OutputFormat::text) {
      print_text(context, report, conda);
    } else {
      print_json(context, report, conda);
    }
    return cli::ExitStatus::ready;
  }

 private:
  void print_text(VerbContext& context, const config::LoadReport& report,
                  const CondaConfig& conda) const {
    std::vector<Line> lines;
    for (const config::SettingBase* setting : options_.settings().all()) {
      const std::vector<Line> more = text_lines(*setting);
      lines.insert(lines.end(), more.begin(), more.end());
    }
    for (const CondaShown& setting : conda.shown) {
      lines.push_back(
          {"conda: " + setting.name + " = " + config::spell_toml(shown(setting)), setting.where});
    }
    std::size_t width = 0;
    for (const Line& line : lines) {
      width = std::max(width, std::min<std::size_t>(line.assignment.size(), 60));
    }
    for (Line& line : lines) {
      line.assignment.resize(std::max(line.assignment.size(), width), ' ');
      context.out << printable(line.assignment, 4096) << "  "
                  << styled(context.out_terminal, cli::Style::dim,
                            "<- " + printable(line.origin, 4096))
                  << '\n';
    }
    if (context.common.verbose > 0) {
      for (const std::vector<std::string>* files : {&report.files, &conda.files}) {
        for (const std::string& file : *files) {
          context.err << "read " << printable(file) << '\n';
        }
      }
    }
  }

  void print_json(VerbContext& context, const config::LoadReport& report,
                  const CondaConfig& conda) const {
    Json settings = Json::array();
    for (const config::SettingBase* setting : options_.settings().all()) {
      settings.push_back(setting_json(*setting));
    }
    Json conda_settings = Json::array();
    for (const CondaShown& setting : conda.shown) {
      conda_settings.push_back(Json::object(
          {{"name", setting.name}, {"value", shown(setting)}, {"where", setting.where}}));
    }
    Json files = Json::array();
    for (const std::string& file : report.files) {
      files.push_back(file);
    }
    context.out << dump_json(Json::object({{"schema", 1},
                                           {"settings", std::move(settings)},
                                           {"conda", std::move(conda_settings)},
                                           {"files", std::move(files)}}))
                << '\n';
  }

  SettingsOptions options_;
  std::vector<std::string> environments_;
};

}  // namespace

std::unique_ptr<Verb> make_config_show_verb() {
  return std::make_unique<ConfigShowVerb>();
}

}  // namespace athanor::coordinator
