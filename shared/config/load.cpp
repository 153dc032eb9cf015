#include "shared/config/load.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/config/toml.hpp"
#include "shared/os/files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace athanor::config {

namespace {

constexpr std::uint64_t k_file_bytes = 1_MiB;

Error unknown_setting(const Settings& settings, const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const SettingBase* setting : settings.all()) {
    known.push_back(setting->info().name);
  }
  const auto nearest = closest(name, known);
  return make_error(
      ErrorKind::invalid, where + ": unknown setting '" + printable(name, 200) + "'",
      nearest ? "did you mean '" + *nearest + "'?" : "`athanor config show` lists all settings");
}

Result<void> assign_member(Settings& settings, const std::string& name, const Json& value,
                           Layer layer, const std::string& where) {
  SettingBase* setting = settings.find(name);
  if (setting == nullptr) {
    return unknown_setting(settings, name, where);
  }
  if (layer == Layer::project_file && setting->info().policy == FilePolicy::not_in_project) {
    return make_error(ErrorKind::invalid, where + ": " + name + " can't be set by a project's file",
                      "set it in your own configuration file, with " + setting->info().variable +
                          " or on the command line");
  }
  return setting->assign_json(value, Origin{layer, where});
}

// A file in a project counts only if its owner is the user or root: anybody can put one into /tmp.
bool is_trusted(const std::filesystem::path& file) {
  struct stat facts {};
  return ::stat(file.c_str(), &facts) == 0 && (facts.st_uid == ::geteuid() || facts.st_uid == 0);
}

std::optional<std::filesystem::path> find_project_file(std::filesystem::path directory) {
  while (!directory.empty()) {
    const std::filesystem::path file = directory / "athanor.toml";
    std::error_code ignored;
    if (std::filesystem::is_regular_file(file, ignored)) {
      return file;
    }
    if (directory == directory.parent_path()) {
      break;
    }
    directory = directory.parent_path();
  }
  return std::nullopt;
}

std::optional<std::filesystem::path> user_file(const EnvironmentLookup& environment) {
  if (const auto base = environment("XDG_CONFIG_HOME"); base && !base->empty()) {
    return std::filesystem::path(*base) / "athanor" / "config.toml";
  }
  if (const auto home = environment("HOME"); home && !home->empty()) {
    return std::filesystem::path(*home) / ".config" / "athanor" / "config.toml";
  }
  return std::nullopt;
}

Result<void> load_file(Settings& settings, const std::filesystem::path& file, Layer layer,
                       LoadReport& report) {
  ATHANOR_ASSIGN(const auto text, read_file_if_exists(file, k_file_bytes));
  if (!text) {
    return {};
  }
  report.files.push_back(file.string());
  return load_file_text(settings, *text, layer, file.string());
}

Result<void> load_files(Settings& settings, const Sources& sources, LoadReport& report) {
  if (sources.chosen_file) {
    ATHANOR_ASSIGN(const std::string text, read_file(*sources.chosen_file, k_file_bytes));
    report.files.push_back(sources.chosen_file->string());
    return load_file_text(settings, text, Layer::chosen_file, sources.chosen_file->string());
  }
  ATHANOR_TRY(load_file(settings, sources.system_file, Layer::system_file, report));
  if (const auto file = user_file(sources.environment)) {
    ATHANOR_TRY(load_file(settings, *file, Layer::user_file, report));
  }
  const auto project = find_project_file(sources.working_directory);
  if (project && !is_trusted(*project)) {
    report.warnings.push_back("Ignoring " + project->string() + ": it belongs to another user.");
  } else if (project) {
    ATHANOR_TRY(load_file(settings, *project, Layer::project_file, report));
  }
  return {};
}

}  // namespace

Result<void> load_file_text(Settings& settings, std::string_view text, Layer layer,
                            const std::string& file) {
  ATHANOR_ASSIGN(const Json document, parse_toml(text, file));
  for (const Json::Member& table : *document.as_object()) {
    const std::string where = file + ":" + std::to_string(table.value.line());
    if (!table.value.is_object()) {
      return unknown_setting(settings, table.key, where);
    }
    for (const Json::Member& member : *table.value.as_object()) {
      ATHANOR_TRY(assign_member(settings, table.key + "." + member.key, member.value, layer,
                                file + ":" + std::to_string(member.value.line())));
    }
  }
  return {};
}

Result<LoadReport> load(Settings& settings, const Sources& sources) {
  LoadReport report;
  ATHANOR_TRY(load_other_tools(settings, sources, report));
  if (sources.files) {
    ATHANOR_TRY(load_files(settings, sources, report));
  }
  for (SettingBase* setting : settings.all()) {
    const std::string& variable = setting->info().variable;
    const auto value = sources.environment(variable);
    if (value && !value->empty()) {
      ATHANOR_TRY(setting->assign_text(*value, Origin{Layer::environment, variable}));
    }
  }
  return report;
}

}  // namespace athanor::config
