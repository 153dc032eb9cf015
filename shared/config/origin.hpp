#pragma once

#include <string>
#include <string_view>

namespace athanor::config {

// Where values come from, weakest first: a layer's value replaces those of the layers above it in
// this list. Lists replace lists; maps are merged entry by entry.
enum class Layer {
  built_in,      // the default
  other_tools,   // what Metaflow's and conda's own settings say
  system_file,   // /etc/athanor/config.toml
  user_file,     // $XDG_CONFIG_HOME/athanor/config.toml
  project_file,  // athanor.toml, in this directory or the nearest above it
  chosen_file,   // --config-file: instead of the three above
  environment,   // ATHANOR_...
  flag,          // the command line
};
std::string_view to_string(Layer layer);  // "default", "other tools", "system file", ...

struct Origin {
  Layer layer = Layer::built_in;
  std::string where;  // "default", "/etc/athanor/config.toml:3", "ATHANOR_STORE", "--store"
};

}  // namespace athanor::config
