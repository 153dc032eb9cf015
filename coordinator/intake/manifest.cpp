#include "coordinator/intake/manifest.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

enum class ManifestKind { toml, environment_yml, spec_list, requirements_txt };

// "conda-forge::numpy >=1.2", "python=3.9", "zlib 1.2.11 h0_1": no line of pip's looks so.
bool is_conda_line(std::string_view line) {
  line = trim(line.substr(0, line.find('#')));
  if (line.empty() || line.front() == '-' || line.find("://") != std::string_view::npos) {
    return false;
  }
  const std::size_t end = line.find_first_of(" \t<>=!~[;@(,");
  const std::string_view name = line.substr(0, end);
  if (name.find("::") != std::string_view::npos) {
    return true;
  }
  if (name.empty() || name.find(':') != std::string_view::npos) {
    return false;
  }
  const std::string_view rest = end == std::string_view::npos ? "" : trim(line.substr(end));
  const bool single_equal = rest.size() > 1 && rest.front() == '=' && rest[1] != '=';
  const bool plain_version = !rest.empty() && rest.front() >= '0' && rest.front() <= '9';
  return single_equal || plain_version;
}

ManifestKind kind_of(std::string_view text) {
  bool conda = false;
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
    conda = conda || is_conda_line(line);
  }
  return conda ? ManifestKind::spec_list : ManifestKind::requirements_txt;
}

// The first line that says something.
std::string_view first_line(std::string_view text) {
  for (const std::string_view raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (!line.empty() && line.front() != '#') {
      return line;
    }
  }
  return {};
}

bool has_line(std::string_view text, std::string_view beginning) {
  return text.starts_with(beginning) ||
         text.find("\n" + std::string(beginning)) != std::string_view::npos;
}

}  // namespace

bool is_manifest(std::string_view text) {
  const std::string_view line = first_line(text);
  if (line.empty() || line.front() == '{' || line == "@EXPLICIT") {
    return false;
  }
  switch (kind_of(text)) {
    case ManifestKind::toml:
      // pylock.toml is exact.
      return !has_line(text, "lock-version") && has_line(text, "[") &&
             (line.front() != '[' || (line.size() > 1 && line[1] != '{' && line[1] != '"'));
    case ManifestKind::environment_yml:
      return !has_line(text, "package:") && !has_line(text, "environments:") &&
             !has_line(text, "metadata:");
    case ManifestKind::spec_list:
    case ManifestKind::requirements_txt:
      return line.front() == '-'
                 ? line != "---" && line[1] != ' '
                 : is_conda_line(line) || line.starts_with("git+") ||
                       (line.find("://") == std::string_view::npos &&
                        spell_pypi_requirement(line.substr(0, line.find(" #"))).has_value());
  }
  return false;
}

std::optional<Requirements> Manifest::requirements(const RequirementScope& scope) const {
  auto all = wanted(scope);
  return all ? std::optional<Requirements>(std::move(all->requirements)) : std::nullopt;
}

Result<std::unique_ptr<Manifest>> parse_manifest(InputText input) {
  ATHANOR_TRY(check_text(input));
  switch (kind_of(input.text)) {
    case ManifestKind::toml:
      return parse_pixi_manifest(input);
    case ManifestKind::environment_yml:
      return parse_environment_yml(input);
    case ManifestKind::spec_list:
      return parse_spec_list(input);
    case ManifestKind::requirements_txt:
      return parse_requirements_txt(input);
  }
  return parse_requirements_txt(input);
}

}  // namespace athanor::coordinator
