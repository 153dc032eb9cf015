#pragma once

#include "coordinator/cli/verb.hpp"
#include "shared/auth/access.hpp"
#include "shared/config/load.hpp"
#include "shared/config/settings.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace athanor::coordinator {

// How many inputs a command takes at most.
inline constexpr std::size_t k_most_inputs = 100'000;

// -e NAME, for commands whose inputs hold several environments.
void declare_environment_names(cli::OptionTable& table, std::vector<std::string>& names);

// The settings of a verb together with the options that say where they are read from. A verb that
// needs settings has one of these as a member.
class SettingsOptions {
 public:
  // --config-file and --no-config.
  void declare_files(cli::OptionTable& table);
  // --store, and what names the folders in it.
  void declare_store(cli::OptionTable& table);
  // --platform, --origin, --pkgs-dir, --allow-file-urls, --format, --zstd-level, --resolved-by.
  void declare_input(cli::OptionTable& table);
  // --offline, --proxy, --ca-bundle, --auth-file.
  void declare_network(cli::OptionTable& table);
  // --workers, --jobs, --state-dir, --scratch-dir, --worker-program, --progress, --no-progress.
  void declare_work(cli::OptionTable& table);

  // Reads every layer below the flags; warnings go to the talk.
  Result<config::LoadReport> load(VerbContext& context);

  // How origins are reached, by the settings that load() has read; warnings go to the talk. conda's
  // pkgs_dirs become package directories unless ours are set, and its mirrored_channels mirrors.
  Result<Access> load_access(VerbContext& context);

  config::Settings& settings() { return settings_; }
  const config::Settings& settings() const { return settings_; }

 private:
  Result<void> take_conda_mirrors(const Access& access);

  config::Settings settings_;
  std::optional<std::string> config_file_;
  bool no_config_ = false;
};

// "warning: ..." on the talk, unless only errors are wanted.
void print_warning(VerbContext& context, const std::string& text);

}  // namespace athanor::coordinator
