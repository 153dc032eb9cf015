#pragma once

#include "shared/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace athanor {

enum class PackageType { conda, pypi };
std::string_view to_string(PackageType type);  // "conda", "pypi": as in store keys
std::optional<PackageType> package_type_from_string(std::string_view name);

// An artifact's container. conda packages come in the first two, pypi packages in the others.
enum class Format { conda, tar_bz2, whl, tar_gz, zip };
std::string_view extension(Format format);  // ".conda", ".tar.bz2", ".whl", ".tar.gz", ".zip"
std::optional<Format> format_from_extension(std::string_view extension);
// The format that a file name ends in, for this kind of package; absent if it is none of its
// formats.
std::optional<Format> format_of_filename(std::string_view filename, PackageType type);

// name-version-build of a conda artifact. The build and version never hold a "-"; the name may.
struct ArtifactName {
  std::string name;
  std::string version;
  std::string build;

  // From a file stem, percent-decoded: "zlib-1.2.11-h7b6447c_3". Absent if it hasn't three parts.
  static std::optional<ArtifactName> parse(std::string_view stem);
  std::string stem() const;  // "name-version-build"

  friend bool operator==(const ArtifactName&, const ArtifactName&) = default;
};

}  // namespace athanor
