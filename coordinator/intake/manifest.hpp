#pragma once

#include "coordinator/intake/input_text.hpp"
#include "coordinator/intake/request.hpp"
#include "shared/base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// For which environment of a lock file something is asked.
struct RequirementScope {
  std::string environment = {};  // pixi: its name; conda-lock: the category
  std::string platform = {};
  std::string platform_label = {};
};

// A file in which a person says what is wanted, as opposed to which exact packages that is. Its
// requirements are spelled as the Netflix extension of Metaflow spells them ("name==constraint"),
// because ids are hashes of that spelling. Immutable; safe to share between threads.
class Manifest {
 public:
  virtual ~Manifest() = default;
  // Nothing if the manifest doesn't know the environment.
  virtual std::optional<Requirements> requirements(const RequirementScope& scope) const = 0;
  // Sentences about what was left out because an id can't hold it.
  virtual std::vector<std::string> warnings() const { return {}; }
};

// Recognises environment.yml, requirements.txt, pixi.toml and pyproject.toml with pixi tables by
// their content. invalid: "file:line: what was expected".
Result<std::unique_ptr<Manifest>> parse_manifest(InputText input);

Result<std::unique_ptr<Manifest>> parse_environment_yml(const InputText& input);
Result<std::unique_ptr<Manifest>> parse_requirements_txt(const InputText& input);
Result<std::unique_ptr<Manifest>> parse_pixi_manifest(const InputText& input);

// --- Spelling -----------------------------------------------------------------------------------

// "name" and constraint as a requirement: "numpy==>=1.21,<2", "pandas==1.5.3", "scipy" where the
// constraint is empty or "*". A leading "=" or "==" of the constraint is dropped.
std::string spell_requirement(std::string_view name, std::string_view constraint);
// A line of environment.yml: "numpy >=1.21,<2", "pandas = 1.5.3", "zlib 1.2.11 h0_1",
// "comet_ml::comet_ml=3.32".
std::string spell_conda_spec(std::string_view text);
// An item of environment.yml's `pip`: "requests==2.27.1", "git+https://github.com/foo/bar.git@v1".
std::string spell_pip_item(std::string_view text);
// A line of requirements.txt (PEP 508). Absent if it isn't one.
std::optional<std::string> spell_pypi_requirement(std::string_view text);
// A pypi constraint in the order in which Python prints it: ">=2.21,<3" becomes "<3,>=2.21".
std::string sort_specifiers(std::string_view constraint);

}  // namespace athanor::coordinator
