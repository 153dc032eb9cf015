#pragma once

#include "shared/base/result.hpp"
#include "shared/config/settings.hpp"
#include "shared/os/machine.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace athanor::config {

// Where settings are looked for. Everything that belongs to the machine is a parameter.
struct Sources {
  EnvironmentLookup environment;
  std::filesystem::path working_directory;
  std::filesystem::path system_file = "/etc/athanor/config.toml";
  std::optional<std::filesystem::path> chosen_file = {};  // --config-file: must exist
  bool files = true;                                      // --no-config: read none
};

struct LoadReport {
  std::vector<std::string> files;     // that were read, weakest first
  std::vector<std::string> warnings;  // whole sentences
};

// Fills the settings from every layer below the flags; flags may have been assigned before. A
// missing file is fine unless it was named. invalid: an unknown setting (with the nearest known
// one), a wrong type or value, or one that a project's file may not set; says file and line.
Result<LoadReport> load(Settings& settings, const Sources& sources);

// One document's values. `file` is what messages call it.
Result<void> load_file_text(Settings& settings, std::string_view text, Layer layer,
                            const std::string& file);

// What Metaflow's and conda's own settings say (Layer::other_tools): METAFLOW_CONDA_{S3,AZURE,GS,
// LOCAL}ROOT, METAFLOW_DATASTORE_SYSROOT_*, METAFLOW_CONDA_PACKAGES_DIRNAME,
// METAFLOW_CONDA_ENVS_DIRNAME, METAFLOW_CONDA_PREFERRED_FORMAT, METAFLOW_USER from the environment
// or from $METAFLOW_HOME/config[_$METAFLOW_PROFILE].json, and CONDA_PKGS_DIRS. invalid: the profile
// doesn't exist or its file isn't JSON.
Result<void> load_other_tools(Settings& settings, const Sources& sources, LoadReport& report);

}  // namespace athanor::config
