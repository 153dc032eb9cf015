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

// One line of what is wanted, as a person wrote it.
struct WrittenSpec {
  std::string text = {};
  InputPosition position = {};
  std::vector<std::string> hashes = {};  // of requirements.txt: "sha256:HEX", any of them will do
};

// A package that is wanted but that no solver can choose, because there is no index that has it.
struct UnsolvableSpec {
  PackageType type = PackageType::pypi;
  std::string text = {};  // without credentials
  SkipReason reason = SkipReason::local_or_vcs;
  InputPosition position = {};
};

// All that is wanted of one environment on one platform.
struct Wanted {
  // Spelled as the Netflix extension of Metaflow spells them ("name==constraint"), because ids are
  // hashes of that spelling.
  Requirements requirements = {};
  // The same for solvers: MatchSpecs and PEP 508 requirements, meant as conda and pip mean them.
  std::vector<WrittenSpec> conda = {};
  std::vector<WrittenSpec> pypi = {};
  std::vector<WrittenSpec> pypi_constraints = {};  // bounds that ask for nothing themselves
  std::vector<std::string> pypi_options = {};      // "--pre", "--find-links URL": for pip
  std::vector<UnsolvableSpec> unsolvable = {};
  // Names or URLs, most important first, as written: they may hold credentials, so they are for
  // requests, not for print.
  std::vector<std::string> channels = {};
  std::string index = {};  // of pypi, likewise; empty: the configured one
  std::vector<std::string> extra_indexes = {};
  bool only_these_channels = false;  // "nodefaults": none are added to them
};

// One environment that a manifest defines.
struct ManifestEnvironment {
  std::string name = {};
  std::vector<std::string> platforms = {};  // empty: the manifest doesn't say
  std::vector<std::string> aliases = {};    // "name:tag" to publish
};

// A file in which a person says what is wanted, as opposed to which exact packages that is.
// Immutable; safe to share between threads.
class Manifest {
 public:
  virtual ~Manifest() = default;
  // Those that it defines, in its order; at least one. A name is empty if the manifest gives none.
  virtual std::vector<ManifestEnvironment> environments() const = 0;
  // Nothing if the manifest doesn't know the environment.
  virtual std::optional<Wanted> wanted(const RequirementScope& scope) const = 0;
  // Sentences about what was left out because an id can't hold it.
  virtual std::vector<std::string> warnings() const { return {}; }

  // The ids' part of wanted().
  std::optional<Requirements> requirements(const RequirementScope& scope) const;
};

// Recognises environment.yml, requirements.txt, lists of MatchSpecs, pixi.toml and pyproject.toml
// with pixi tables by their content. invalid: "file:line: what was expected". Files
// that a requirements.txt includes ("-r other.txt") are read if the input has a folder.
Result<std::unique_ptr<Manifest>> parse_manifest(InputText input);
// Whether the text is one of these, and no lock file nor anything else.
bool is_manifest(std::string_view text);

Result<std::unique_ptr<Manifest>> parse_environment_yml(const InputText& input);
Result<std::unique_ptr<Manifest>> parse_requirements_txt(const InputText& input);
Result<std::unique_ptr<Manifest>> parse_pixi_manifest(const InputText& input);
// One MatchSpec a line; "#" begins a comment.
Result<std::unique_ptr<Manifest>> parse_spec_list(const InputText& input);

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
// What an index's URL is in a requirement: without user and password.
std::string spell_index(std::string_view url);
// A requirement as the extension hands it to a solver: "numpy==>=1.2" is "numpy>=1.2", "x==*" is
// "x", "pandas==1.5.3" stays (exactly that version).
std::string without_double_equal(std::string_view requirement);
// A pypi constraint in the order in which Python prints it: ">=2.21,<3" becomes "<3,>=2.21".
std::string sort_specifiers(std::string_view constraint);

}  // namespace athanor::coordinator
