#pragma once

#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/request.hpp"
#include "coordinator/specs/settings_file.hpp"
#include "shared/base/result.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace athanor::coordinator {

// One platform of an environment that is asked for, complete: channels, indices and system packages
// are all that count, and the requirements are what ids hash.
struct AskedPlatform {
  std::string platform = {};  // "linux-64"
  Wanted wanted = {};
  // A pylock.toml that answers the pypi requirements, so that nothing is left to solve there.
  std::optional<InputText> pypi_lock = {};
};

// One environment that a person asks for. Its platforms are resolved together: if there are several
// they share their full id.
struct AskedEnvironment {
  std::string name = {};
  std::string input = {};  // the file, or what stands for it, for messages
  std::vector<AskedPlatform> platforms = {};
  std::vector<std::string> aliases = {};
};

// The inputs of a command, told apart.
struct SortedInputs {
  std::vector<std::string> exact = {};  // for read_inputs(): lock files and the like
  std::vector<std::string> files = {};  // manifests, settings files, a pylock.toml
  std::vector<std::string> specs = {};  // on the command line: they are one environment

  bool asks() const { return !files.empty() || !specs.empty(); }
};

// What "python=3.10" means: any 3.10, as conda reads it; or exactly 3.10, as the Netflix extension
// does. The id is the same.
enum class PinMeaning { conda, extension };

// What the inputs don't say, and what the command line says to all of them.
struct AskOptions {
  std::vector<std::string> platforms = {};     // instead of the inputs'; empty: theirs
  std::vector<std::string> environments = {};  // only these; empty: all
  std::string host_platform = {};              // where an input says none
  std::string name = {};                       // of the environment of specs; empty: "default"
  std::vector<std::string> channels = {};      // before those of every input
  // Behind those of every input that doesn't say "nodefaults"; what the reader has configured.
  std::vector<std::string> default_channels = {"conda-forge"};
  // What machines have, into the requirements: "linux-64/__glibc" or, for all, "__cuda" → "11.8".
  std::map<std::string, std::string> system = {{"linux-64/__glibc", "2.27"}};
  std::string index = "https://pypi.org/simple";
  PinMeaning pins = PinMeaning::conda;
};

// Existing files are told apart by their content; a name of nothing that exists and that reads as a
// MatchSpec ("numpy>=1.2", "pypi::requests", "sys::__cuda=11.8") is one. "-" is exact. not_found:
// it is neither.
Result<SortedInputs> sort_inputs(std::span<const std::string> inputs);

// Everything that the inputs ask for. invalid: "file:line: ...", a platform or environment that no
// input has, no channel at all. A pylock.toml holds the wheels of the one environment that the
// others ask for; where that has no pypi requirement of its own, the lock's exact set is it.
// Sentences for a person are added to `warnings`.
Result<std::vector<AskedEnvironment>> read_asked(const SortedInputs& inputs,
                                                 const AskOptions& options,
                                                 std::vector<std::string>& warnings);

// The same for one manifest that is in memory.
Result<std::vector<AskedEnvironment>> ask_manifest(const Manifest& manifest,
                                                   const std::string& input,
                                                   const AskOptions& options);

}  // namespace athanor::coordinator
