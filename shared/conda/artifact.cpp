#include "shared/conda/artifact.hpp"

#include "shared/base/check.hpp"

#include <array>
#include <utility>

namespace athanor {
namespace {

struct FormatRow {
  Format format;
  std::string_view extension;
  PackageType type;
};

constexpr std::array<FormatRow, 5> k_formats = {{
    {Format::conda, ".conda", PackageType::conda},
    {Format::tar_bz2, ".tar.bz2", PackageType::conda},
    {Format::whl, ".whl", PackageType::pypi},
    {Format::tar_gz, ".tar.gz", PackageType::pypi},
    {Format::zip, ".zip", PackageType::pypi},
}};

}  // namespace

std::string_view to_string(PackageType type) {
  return type == PackageType::conda ? "conda" : "pypi";
}

std::optional<PackageType> package_type_from_string(std::string_view name) {
  if (name == "conda") {
    return PackageType::conda;
  }
  if (name == "pypi") {
    return PackageType::pypi;
  }
  return std::nullopt;
}

std::string_view extension(Format format) {
  for (const FormatRow& row : k_formats) {
    if (row.format == format) {
      return row.extension;
    }
  }
  ATHANOR_CHECK(false);
}

std::optional<Format> format_from_extension(std::string_view extension) {
  for (const FormatRow& row : k_formats) {
    if (row.extension == extension) {
      return row.format;
    }
  }
  return std::nullopt;
}

std::optional<Format> format_of_filename(std::string_view filename, PackageType type) {
  for (const FormatRow& row : k_formats) {
    if (row.type == type && filename.size() > row.extension.size() &&
        filename.ends_with(row.extension)) {
      return row.format;
    }
  }
  return std::nullopt;
}

std::optional<ArtifactName> ArtifactName::parse(std::string_view stem) {
  const std::size_t build = stem.rfind('-');
  if (build == std::string_view::npos || build == 0) {
    return std::nullopt;
  }
  const std::size_t version = stem.rfind('-', build - 1);
  if (version == std::string_view::npos || version == 0 || version + 1 == build ||
      build + 1 == stem.size()) {
    return std::nullopt;
  }
  return ArtifactName{.name = std::string(stem.substr(0, version)),
                      .version = std::string(stem.substr(version + 1, build - version - 1)),
                      .build = std::string(stem.substr(build + 1))};
}

std::string ArtifactName::stem() const {
  return name + "-" + version + "-" + build;
}

}  // namespace athanor
