#include "coordinator/intake/manifest.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/match_spec.hpp"

namespace athanor::coordinator {
namespace {

// The same for every platform.
class SpecList final : public Manifest {
 public:
  explicit SpecList(Wanted wanted)
      : wanted_(std::move(wanted)) {}

  std::vector<ManifestEnvironment> environments() const override { return {{}}; }
  std::optional<Wanted> wanted(const RequirementScope& /*scope*/) const override { return wanted_; }

 private:
  Wanted wanted_;
};

}  // namespace

Result<std::unique_ptr<Manifest>> parse_spec_list(const InputText& input) {
  Wanted wanted;
  std::size_t number = 0;
  for (const std::string_view raw : split(input.text, '\n')) {
    ++number;
    const std::string_view line = trim(raw.substr(0, raw.find('#')));
    if (line.empty()) {
      continue;
    }
    if (auto spec = MatchSpec::parse(line); !spec) {
      return input.at_line(number, std::move(spec).error());
    }
    wanted.requirements.deps["conda"].push_back(spell_conda_spec(line));
    wanted.conda.push_back(
        {.text = std::string(line), .position = {.file = input.name, .line = number}});
  }
  return std::unique_ptr<Manifest>(std::make_unique<SpecList>(std::move(wanted)));
}

}  // namespace athanor::coordinator
