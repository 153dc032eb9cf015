#pragma once

#include "coordinator/intake/input_text.hpp"
#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/request.hpp"
#include "shared/base/result.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor::coordinator {

// One value of an environment, and where it was said.
struct BoundValue {
  std::string name = {};  // "python", "conda.numpy", "channels[0]"
  std::string text = {};
  InputPosition position = {};
  // Weaker places that said something else, strongest first.
  std::vector<std::pair<std::string, InputPosition>> overridden = {};
};

// What one binding makes of the settings.
struct BoundEnvironment {
  std::string name = {};
  std::vector<BoundValue> values = {};  // in the order of the keys below
};

// Layered settings: a global file (YAML or TOML) says what environments have in common, and each
// file beside it whose name is "<stem>.NAME.<yaml|yml|toml>" makes one environment NAME of it.
// Keys:
//
//   python         the interpreter's version: "3.10.*"
//   conda, pypi    package → constraint: {numpy: ">=1.21", pandas: 1.4.0, scipy: ""}
//   npconda        conda packages of an environment that is pypi's otherwise
//   sys            what the machine has: {__cuda: "11.8"}
//   channels, pypi-indices, extras    lists
//   archs          the platforms
//   aliases        names to publish under
//
// As flow-level and step-level decorators of Metaflow's extension merge: a package's constraint and
// the python version replace the weaker file's ("null" takes a package out), channels, indices and
// extras are added to them, the stronger file's first; archs and aliases replace. A constraint
// means what it means there: "1.4.0" is exactly that version.
struct SettingsFile {
  std::unique_ptr<Manifest> manifest;  // one environment per binding
  std::vector<BoundEnvironment> environments;
};

// One file that makes an environment of the global one.
struct Overlay {
  std::string name;
  InputText text;
};

// Whether the text is such a file: it has one of the keys at the left margin, and is nothing else.
bool is_settings_file(std::string_view text);

// Reads the global file, which must have a folder, and the overlays that lie there. Without
// overlays it is one environment, named as the file. invalid: "file:line: " with what was expected
// and, for an unknown key, the nearest one.
Result<SettingsFile> read_settings_file(InputText global);
Result<SettingsFile> read_settings(InputText global, std::vector<Overlay> overlays);

}  // namespace athanor::coordinator
