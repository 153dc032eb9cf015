#include "coordinator/cli/settings_options.hpp"

#include "shared/base/strings.hpp"

#include <ostream>

namespace athanor::coordinator {

void declare_environment_names(cli::OptionTable& table, std::vector<std::string>& names) {
  table.add({.name = "environment",
             .letter = 'e',
             .value_name = "NAME",
             .help = "Only environments of this name; may be repeated.",
             .group = "Inputs and formats"},
            names);
}

void SettingsOptions::declare_files(cli::OptionTable& table) {
  table.heading("Configuration");
  table.add({.name = "config-file",
             .value_name = "FILE",
             .help = "Read this file instead of the system's, the user's and the project's."},
            config_file_);
  table.add({.name = "no-config", .help = "Read no configuration files."}, no_config_);
}

void SettingsOptions::declare_store(cli::OptionTable& table) {
  table.heading("Store");
  table.add({.name = "store", .letter = 's', .value_name = "URL"}, settings_.store_url);
}

void SettingsOptions::declare_input(cli::OptionTable& table) {
  table.heading("Inputs and formats");
  table.add({.name = "platform", .value_name = "NAME"}, settings_.platforms);
  table.add({.name = "format", .value_name = "FORMAT"}, settings_.format);
  table.add({.name = "zstd-level", .value_name = "N"}, settings_.zstd_level);
  table.add({.name = "resolved-by", .value_name = "NAME"}, settings_.resolved_by);
  table.heading("Origins");
  table.add({.name = "origin", .value_name = "FROM=TO"}, settings_.origin_map);
  table.add({.name = "mirror", .value_name = "FROM=TO..."}, settings_.mirrors);
  table.add({.name = "pkgs-dir", .value_name = "DIR"}, settings_.package_dirs);
  table.add({.name = "allow-file-urls"}, settings_.allow_file_urls);
}

void SettingsOptions::declare_network(cli::OptionTable& table) {
  table.heading("Network");
  table.add({.name = "offline"}, settings_.offline);
  table.add({.name = "proxy", .value_name = "URL"}, settings_.proxy);
  table.add({.name = "ca-bundle", .value_name = "FILE"}, settings_.ca_bundle);
  table.add({.name = "auth-file", .value_name = "FILE"}, settings_.auth_file);
}

void SettingsOptions::declare_work(cli::OptionTable& table) {
  table.heading("Work");
  table.add({.name = "workers", .letter = 'w', .value_name = "N"}, settings_.workers);
  table.add({.name = "jobs", .letter = 'j', .value_name = "N"}, settings_.jobs);
  table.add({.name = "state-dir", .value_name = "DIR"}, settings_.state_dir);
  table.add({.name = "scratch-dir", .value_name = "DIR"}, settings_.scratch_dir);
  table.add({.name = "worker-program", .value_name = "FILE"}, settings_.worker_program);
  table.heading("Progress");
  table.add({.name = "progress", .value_name = "HOW"}, settings_.progress);
  table.add({.name = "no-progress", .help = "The same as --progress none."},
            [this](const std::string&) {
              return settings_.progress.assign_text(
                  "none", config::Origin{config::Layer::flag, "--no-progress"});
            });
}

Result<config::LoadReport> SettingsOptions::load(VerbContext& context) {
  config::Sources sources{.environment = context.environment,
                          .working_directory = context.working_directory,
                          .files = !no_config_};
  if (config_file_) {
    sources.chosen_file = context.working_directory / *config_file_;
  }
  ATHANOR_ASSIGN(config::LoadReport report, config::load(settings_, sources));
  for (const std::string& warning : report.warnings) {
    print_warning(context, warning);
  }
  return report;
}

// Without their credentials: each worker knows those by itself. What stands in our settings beats
// what conda says of the same channel.
Result<void> SettingsOptions::take_conda_mirrors(const Access& access) {
  const ChannelConfig channels = access.channels();
  Json map = Json::object();
  for (const auto& [name, urls] : access.conda.channels.mirrored_channels) {
    const auto resolved = channels.resolve(name);
    std::string places;
    for (const std::string& url : urls) {
      if (const auto place = split_channel_url(url)) {
        places += (places.empty() ? "" : " ") + place->base_url();
      }
    }
    if (resolved && resolved->size() == 1 && !places.empty()) {
      map.set(resolved->front().base_url, places);
    }
  }
  if (map.size() == 0) {
    return {};
  }
  return settings_.mirrors.assign_json(
      map, config::Origin{config::Layer::other_tools, "conda's mirrored_channels"});
}

Result<Access> SettingsOptions::load_access(VerbContext& context) {
  ATHANOR_ASSIGN(Access access,
                 athanor::load_access(settings_, {.environment = context.environment,
                                                  .working_directory = context.working_directory}));
  for (const std::string& warning : access.warnings) {
    print_warning(context, warning);
  }
  if (settings_.package_dirs.is_default() && !access.conda.pkgs_dirs.empty()) {
    ATHANOR_TRY(settings_.package_dirs.assign_text(
        join(access.conda.pkgs_dirs, ":"),
        config::Origin{config::Layer::other_tools, "conda's pkgs_dirs"}));
  }
  ATHANOR_TRY(take_conda_mirrors(access));
  return access;
}

void print_warning(VerbContext& context, const std::string& text) {
  if (context.common.quiet < 2) {
    context.err << styled(context.err_terminal, cli::Style::yellow, "warning:") << ' '
                << printable(text, 4096) << '\n';
  }
}

}  // namespace athanor::coordinator
