#pragma once

#include "shared/config/setting.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace athanor::config {

// Every setting of `athanor`, declared once: names, defaults, bounds and prose of the help, the
// sample file and the error messages all come from here. Groups are the tables of the file. See
// settings.cpp.
struct Settings : SettingGroup {
  Settings();

  // [store]
  Setting<std::string> store_url;
  Setting<std::string> store_packages;
  Setting<std::string> store_environments;

  // [formats]
  Setting<std::string> format;
  Setting<std::uint64_t> zstd_level;

  // [input]
  Setting<std::vector<std::string>> platforms;
  Setting<std::string> resolved_by;

  // [resolve]
  Setting<std::vector<std::string>> resolve_channels;
  Setting<std::string> channel_priority;
  Setting<std::string> use_latest;
  Setting<std::string> pypi_index;
  Setting<TextMap> system_packages;
  Setting<std::string> pins;

  // [origins]
  Setting<TextMap> origin_map;
  Setting<TextMap> origin_rates;
  Setting<TextMap> mirrors;
  Setting<std::string> max_package_size;
  Setting<std::string> contact;
  Setting<std::vector<std::string>> package_dirs;
  Setting<bool> allow_file_urls;

  // [network]: how origins are reached; every worker has its own
  Setting<std::string> proxy;
  Setting<std::vector<std::string>> no_proxy;
  Setting<std::string> ca_bundle;
  Setting<std::string> client_certificate;
  Setting<std::string> client_key;
  Setting<std::string> tls_verification;
  Setting<std::chrono::milliseconds> connect_timeout;
  Setting<std::chrono::milliseconds> stall_timeout;
  Setting<bool> offline;

  // [auth]: who knows passwords and tokens of origins; every worker has its own
  Setting<std::string> auth_file;
  Setting<std::vector<std::string>> auth_sources;

  // [conda]
  Setting<bool> conda_config;

  // [work]
  Setting<std::uint64_t> workers;
  Setting<std::uint64_t> jobs;
  Setting<std::string> state_dir;
  Setting<std::string> scratch_dir;
  Setting<std::string> worker_program;

  // [coordinator]
  Setting<std::string> coordinator_endpoint;
  Setting<std::string> coordinator_key;
  Setting<std::string> coordinator_server_key;

  // [talk]
  Setting<std::string> progress;
  Setting<std::chrono::milliseconds> heartbeat;
};

// A file in which every setting stands as a comment with its default and its prose: what
// config/athanor.toml holds.
std::string sample_file(const Settings& settings);

}  // namespace athanor::config
