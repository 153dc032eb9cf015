#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/config/load.hpp"
#include "shared/os/files.hpp"

#include <array>
#include <utility>

namespace athanor::config {

namespace {

struct Found {
  std::string value;
  std::string where;
};

// Metaflow's own rule: the environment, then the profile's JSON file, whose keys are spelled like
// the variables.
class MetaflowConfiguration {
 public:
  static Result<MetaflowConfiguration> read(const Sources& sources, LoadReport& report) {
    MetaflowConfiguration configuration(sources.environment);
    const std::string profile = sources.environment("METAFLOW_PROFILE").value_or("");
    std::string directory = sources.environment("METAFLOW_HOME").value_or("");
    if (directory.empty()) {
      directory = "~/.metaflowconfig";
    }
    if (directory == "~" || directory.substr(0, 2) == "~/") {
      directory.replace(0, 1, sources.environment("HOME").value_or(""));
    }
    const std::string name = profile.empty() ? "config.json" : "config_" + profile + ".json";
    const std::filesystem::path file =
        sources.working_directory / std::filesystem::path(directory) / name;
    ATHANOR_ASSIGN(const auto text, read_file_if_exists(file, 1_MiB));
    if (!text && !profile.empty()) {
      return make_error(ErrorKind::invalid,
                        "METAFLOW_PROFILE: there is no file '" + printable(file.string()) + "'",
                        "unset METAFLOW_PROFILE or correct it");
    }
    if (text) {
      auto document = parse_json(*text);
      if (!document) {
        return std::move(document).error().with_context(file.string());
      }
      configuration.file_ = file.string();
      configuration.document_ = std::move(document).value();
      report.files.push_back(configuration.file_);
    }
    return configuration;
  }

  // The first of the names that has a value that isn't empty.
  std::optional<Found> find(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names) {
      if (auto value = environment_(name); value && !value->empty()) {
        return Found{std::move(*value), std::string(name)};
      }
      const Json* member = document_.find(name);
      const std::string* text = member == nullptr ? nullptr : member->as_string();
      if (text != nullptr && !text->empty()) {
        return Found{*text, file_ + " (" + std::string(name) + ")"};
      }
    }
    return std::nullopt;
  }

 private:
  explicit MetaflowConfiguration(EnvironmentLookup environment)
      : environment_(std::move(environment)) {}

  EnvironmentLookup environment_;
  std::string file_;
  Json document_;
};

struct DatastoreKind {
  std::string_view name;     // as METAFLOW_DEFAULT_DATASTORE spells it
  std::string_view root;     // the extension's own root
  std::string_view sysroot;  // Metaflow's root, below which it is "conda_env"
  std::string_view scheme;   // what a root without a scheme means
};

constexpr std::array<DatastoreKind, 4> k_kinds = {{
    {"s3", "METAFLOW_CONDA_S3ROOT", "METAFLOW_DATASTORE_SYSROOT_S3", "s3://"},
    {"azure", "METAFLOW_CONDA_AZUREROOT", "METAFLOW_DATASTORE_SYSROOT_AZURE", "az://"},
    {"gs", "METAFLOW_CONDA_GSROOT", "METAFLOW_DATASTORE_SYSROOT_GS", "gs://"},
    {"local", "METAFLOW_CONDA_LOCALROOT", "METAFLOW_DATASTORE_SYSROOT_LOCAL", ""},
}};

std::optional<Found> root_of(const MetaflowConfiguration& metaflow, const DatastoreKind& kind) {
  auto found = metaflow.find({kind.root});
  if (!found) {
    found = metaflow.find({kind.sysroot});
    if (found) {
      const bool slash = found->value.back() == '/';
      found->value += slash ? "conda_env" : "/conda_env";
    }
  }
  if (found && found->value.find("://") == std::string::npos) {
    found->value.insert(0, kind.scheme);
  }
  return found;
}

// The datastore that flows use by default; where none is named, the first one that has a root.
std::optional<Found> store_url(const MetaflowConfiguration& metaflow) {
  const auto preferred = metaflow.find({"METAFLOW_DEFAULT_DATASTORE"});
  for (const DatastoreKind& kind : k_kinds) {
    if (preferred && preferred->value != kind.name) {
      continue;
    }
    if (auto found = root_of(metaflow, kind)) {
      return found;
    }
  }
  return std::nullopt;
}

Result<void> assign(SettingBase& setting, std::optional<Found> found) {
  if (!found) {
    return {};
  }
  return setting.assign_text(found->value, Origin{Layer::other_tools, std::move(found->where)});
}

}  // namespace

Result<void> load_other_tools(Settings& settings, const Sources& sources, LoadReport& report) {
  ATHANOR_ASSIGN(const MetaflowConfiguration metaflow,
                 MetaflowConfiguration::read(sources, report));
  ATHANOR_TRY(assign(settings.store_url, store_url(metaflow)));
  // The extension reads the packages' folder from the second name; its documentation has the first.
  ATHANOR_TRY(assign(settings.store_packages, metaflow.find({"METAFLOW_CONDA_PACKAGES_DIRNAME",
                                                             "METAFLOW_ENV_PACKAGES_DIRNAME"})));
  ATHANOR_TRY(assign(settings.store_environments, metaflow.find({"METAFLOW_CONDA_ENVS_DIRNAME"})));
  ATHANOR_TRY(assign(settings.resolved_by, metaflow.find({"METAFLOW_USER"})));

  auto preferred = metaflow.find({"METAFLOW_CONDA_PREFERRED_FORMAT"});
  if (preferred && preferred->value != ".conda" && preferred->value != ".tar.bz2") {
    report.warnings.push_back(preferred->where + " is '" + printable(preferred->value, 64) +
                              "', which is no package format; it is ignored.");
    preferred.reset();
  }
  if (preferred) {
    // Who prefers .conda still reads what was published as .tar.bz2 from the store.
    preferred->value = preferred->value == ".conda" ? "default" : "tar.bz2";
  }
  ATHANOR_TRY(assign(settings.format, std::move(preferred)));

  // conda splits the variable at commas, and people write colons.
  if (auto dirs = sources.environment("CONDA_PKGS_DIRS"); dirs && !dirs->empty()) {
    for (char& c : *dirs) {
      c = c == ',' ? ':' : c;
    }
    ATHANOR_TRY(
        settings.package_dirs.assign_text(*dirs, Origin{Layer::other_tools, "CONDA_PKGS_DIRS"}));
  }
  return {};
}

}  // namespace athanor::config
