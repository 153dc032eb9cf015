#include "coordinator/intake/manifest.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

enum class ManifestKind { toml, environment_yml, requirements_txt };

ManifestKind kind_of(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('[')) {
      return ManifestKind::toml;
    }
    if (line.starts_with("dependencies:") || line.starts_with("channels:")) {
      return ManifestKind::environment_yml;
    }
  }
  return ManifestKind::requirements_txt;
}

}  // namespace

Result<std::unique_ptr<Manifest>> parse_manifest(InputText input) {
  ATHANOR_TRY(check_text(input));
  switch (kind_of(input.text)) {
    case ManifestKind::toml:
      return parse_pixi_manifest(input);
    case ManifestKind::environment_yml:
      return parse_environment_yml(input);
    case ManifestKind::requirements_txt:
      return parse_requirements_txt(input);
  }
  return parse_requirements_txt(input);
}

}  // namespace athanor::coordinator
