#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/pypi_lines.hpp"

namespace athanor::coordinator {
namespace {

// The same for every environment and platform.
class RequirementsTxt final : public Manifest {
 public:
  RequirementsTxt(Wanted wanted, std::vector<std::string> warnings)
      : wanted_(std::move(wanted)),
        warnings_(std::move(warnings)) {}

  std::vector<ManifestEnvironment> environments() const override { return {{}}; }
  std::optional<Wanted> wanted(const RequirementScope& /*scope*/) const override { return wanted_; }
  std::vector<std::string> warnings() const override { return warnings_; }

 private:
  Wanted wanted_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<std::unique_ptr<Manifest>> parse_requirements_txt(const InputText& input) {
  Wanted wanted;
  std::vector<std::string> warnings;
  ATHANOR_TRY(PypiLines(PypiDialect::requirements_txt, wanted, warnings).read_text(input));
  return std::unique_ptr<Manifest>(
      std::make_unique<RequirementsTxt>(std::move(wanted), std::move(warnings)));
}

}  // namespace athanor::coordinator
