#include "coordinator/cli/show_environments.hpp"

#include "coordinator/specs/settings_file.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/config/toml.hpp"
#include "shared/json/json.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <ostream>

namespace athanor::coordinator {
namespace {

std::string shown(const std::string& text) {
  return text.find("://") == std::string::npos ? text : redact_url(text);
}

std::string place(const InputPosition& position) {
  return position.file + ":" + std::to_string(position.line);
}

Result<std::vector<BoundEnvironment>> read_environments(const std::vector<std::string>& files) {
  constexpr std::uint64_t k_settings_bytes = 4_MiB;
  std::vector<BoundEnvironment> all;
  for (const std::string& file : files) {
    ATHANOR_ASSIGN(InputText text, read_input_file(file, k_settings_bytes));
    if (!is_settings_file(text.text)) {
      return make_error(ErrorKind::invalid,
                        "'" + printable(file, 300) + "' is no file of settings for environments",
                        "such a file has keys like conda, pypi, python, archs");
    }
    ATHANOR_ASSIGN(SettingsFile settings, read_settings_file(std::move(text)));
    std::move(settings.environments.begin(), settings.environments.end(), std::back_inserter(all));
  }
  return all;
}

void print_text(VerbContext& context, const std::vector<BoundEnvironment>& environments) {
  constexpr std::size_t k_widest = 60;
  std::vector<std::pair<std::string, std::string>> lines;
  std::size_t width = 0;
  for (const BoundEnvironment& environment : environments) {
    for (const BoundValue& value : environment.values) {
      std::string origin = "-> defined in " + place(value.position);
      for (std::size_t i = 0; i < value.overridden.size(); ++i) {
        const auto& [text, position] = value.overridden[i];
        origin += (i == 0 ? "  (overrides " : ", ") + place(position) + " = " +
                  config::spell_toml(Json(shown(text)));
      }
      origin += value.overridden.empty() ? "" : ")";
      lines.emplace_back(
          environment.name + "." + value.name + " = " + config::spell_toml(Json(shown(value.text))),
          std::move(origin));
      width = std::max(width, std::min(lines.back().first.size(), k_widest));
    }
  }
  for (auto& [assignment, origin] : lines) {
    assignment.resize(std::max(assignment.size(), width), ' ');
    context.out << printable(assignment, 4096) << "  "
                << styled(context.out_terminal, cli::Style::dim, printable(origin, 4096)) << '\n';
  }
}

Json place_json(const InputPosition& position) {
  return Json::object({{"file", position.file}, {"line", std::uint64_t{position.line}}});
}

void print_json(VerbContext& context, const std::vector<BoundEnvironment>& environments) {
  Json list = Json::array();
  for (const BoundEnvironment& environment : environments) {
    Json values = Json::array();
    for (const BoundValue& value : environment.values) {
      Json overrides = Json::array();
      for (const auto& [text, position] : value.overridden) {
        overrides.push_back(
            Json::object({{"value", shown(text)}, {"defined_in", place_json(position)}}));
      }
      values.push_back(Json::object({{"name", value.name},
                                     {"value", shown(value.text)},
                                     {"defined_in", place_json(value.position)},
                                     {"overrides", std::move(overrides)}}));
    }
    list.push_back(Json::object({{"name", environment.name}, {"values", std::move(values)}}));
  }
  context.out << dump_json(Json::object({{"schema", 1}, {"environments", std::move(list)}}))
              << '\n';
}

}  // namespace

Result<void> show_environments(VerbContext& context, const std::vector<std::string>& files) {
  ATHANOR_ASSIGN(const std::vector<BoundEnvironment> environments, read_environments(files));
  if (context.common.output == OutputFormat::text) {
    print_text(context, environments);
  } else {
    print_json(context, environments);
  }
  return {};
}

}  // namespace athanor::coordinator
