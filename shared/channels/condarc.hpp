#pragma once

#include "shared/base/result.hpp"
#include "shared/channels/channel_config.hpp"
#include "shared/json/json.hpp"
#include "shared/os/machine.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace athanor {

// What conda's settings say about the way to a server. Absent: conda's settings say nothing.
struct CondaNetwork {
  // Scheme ("https"), scheme and host ("https://host") or "all" → the proxy's URL, a secret.
  NamedUrls proxy_servers{};
  enum class Verify { unsaid, on, off, system, bundle };
  Verify ssl_verify = Verify::unsaid;
  std::string ssl_verify_where{};
  std::filesystem::path ca_bundle{};  // a file or a directory, if Verify::bundle
  std::filesystem::path client_certificate{};
  std::filesystem::path client_key{};
  std::optional<bool> offline{};
  std::optional<std::chrono::milliseconds> connect_timeout{};
  std::optional<std::chrono::milliseconds> read_timeout{};
  std::optional<std::uint64_t> max_retries{};
};

// A setting of conda's that somebody has set, for showing. Values are as they were merged and may
// hold credentials: whoever shows them redacts URLs.
struct CondaShown {
  std::string name{};  // "channel_alias"
  Json value{};
  std::string where{};  // "/home/ann/.condarc:3"; of lists and maps all places, each once
};

// conda's configuration: all files that conda reads and the CONDA_* variables, merged as conda
// merges them.
struct CondaConfig {
  ChannelSettings channels{};
  CondaNetwork network{};
  bool add_anaconda_token = true;
  std::vector<std::string> pkgs_dirs{};
  std::vector<CondaShown> shown{};      // what was set, by name
  std::vector<std::string> files{};     // that were read, weakest first
  std::vector<std::string> warnings{};  // whole sentences: values that can't be used
};

// Where conda's settings are looked for; everything that belongs to the machine is a parameter.
struct CondaSources {
  EnvironmentLookup environment = process_environment();
  std::filesystem::path working_directory = ".";
  std::filesystem::path system_root = "/";  // below it are etc/conda and var/lib/conda
};

// The files that exist of those that conda would read, weakest first: /etc/conda, /var/lib/conda,
// $CONDA_ROOT (or where CONDA_EXE or MAMBA_ROOT_PREFIX says that conda is), $XDG_CONFIG_HOME/conda,
// ~/.config/conda, ~/.conda, ~/.condarc, $CONDA_PREFIX, $CONDARC; in each .condarc, condarc and
// condarc.d/*.yml.
std::vector<std::filesystem::path> find_condarc_files(const CondaSources& sources);

// Reads and merges. invalid: a file isn't YAML or can't be read (conda stops at that, too). A value
// of a wrong type is left out with a warning.
Result<CondaConfig> load_conda_config(const CondaSources& sources);

}  // namespace athanor
