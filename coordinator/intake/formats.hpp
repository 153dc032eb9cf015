#pragma once

#include "coordinator/intake/input_text.hpp"
#include "coordinator/intake/intake.hpp"
#include "coordinator/intake/request.hpp"
#include "shared/base/result.hpp"
#include "shared/json/json.hpp"

#include <string>
#include <vector>

// One reader per format. Each is given a text that was checked and recognised, and returns what is
// in it, unfiltered, without requirements unless the format holds them.
namespace athanor::coordinator {

// What one input holds.
struct ReadInput {
  std::vector<EnvironmentRequest> environments;
  std::vector<PackageReference> loose_packages;
  std::vector<SkippedReference> loose_skipped;
  std::vector<std::string> warnings;
  // File names, relative to the input's folder, of the manifests that the lock was made from.
  std::vector<std::string> manifests;
};

// conda-lock.yml version 1, and pixi.lock versions 1 to 3, which have the same structure.
Result<ReadInput> read_conda_lock(const InputText& input, const IntakeOptions& options);

// pixi.lock versions 4 to 7.
Result<ReadInput> read_pixi_lock(const InputText& input, const IntakeOptions& options);

// Gives a pixi.lock whose indentation was lost (each line begins at its first column) the
// indentation that its structure must have had; line numbers stay the same. Other texts are
// returned as they are.
std::string restore_pixi_indentation(const std::string& text);

// "@EXPLICIT" files, and lists of URLs, which are no environment.
Result<ReadInput> read_explicit_file(const InputText& input, const IntakeOptions& options);
Result<ReadInput> read_url_list(const InputText& input, const IntakeOptions& options);

// {"envs": [...]}: exact environments, our own neutral format.
Result<ReadInput> read_environment_list(const InputText& input, const Json& document,
                                        const IntakeOptions& options);
// One environment description, `env`, as the Netflix extension of Metaflow publishes it.
Result<ReadInput> read_environment_description(const InputText& input, const Json& document,
                                               const IntakeOptions& options);
// All descriptions that a reader of such a store knows, `conda_v2.cnd`.
Result<ReadInput> read_known_environments(const InputText& input, const Json& document,
                                          const IntakeOptions& options);
// Metaflow's own conda manifest: {id: {platform: {"conda": [{"url": …}], "pypi": [...]}}}.
Result<ReadInput> read_metaflow_manifest(const InputText& input, const Json& document,
                                         const IntakeOptions& options);

// Recognises the format by the content and reads it.
Result<ReadInput> read_any_input(InputText input, const IntakeOptions& options);

}  // namespace athanor::coordinator
