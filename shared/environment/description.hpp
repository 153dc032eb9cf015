#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/artifact.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

// One format of one package in the store.
struct CachedFormat {
  Format format = Format::conda;
  std::string hash;  // hex; MD5 for conda, SHA-256 for pypi
  std::string key;   // the object's in the store; empty: the hash is known, the object isn't there

  friend bool operator==(const CachedFormat&, const CachedFormat&) = default;
};

// One package of an environment, as readers expect it.
struct DescribedPackage {
  PackageType type = PackageType::conda;
  std::string filename;  // without extension
  std::string url;       // without credentials
  Format url_format = Format::conda;
  std::vector<CachedFormat> formats;  // in any order; each format once

  // The entry of a format; null if it isn't known.
  const CachedFormat* find(Format format) const;
};

// category → specs. Categories: conda, pypi, npconda, sys.
using DescribedSpecs = std::map<std::string, std::vector<std::string>>;

// An environment description: what the store's readers start an environment from.
struct EnvironmentDescription {
  std::string platform;
  DescribedSpecs deps;
  DescribedSpecs sources;
  DescribedSpecs extras;
  std::vector<DescribedPackage> packages;  // installation order
  std::string resolved_on;                 // Python's datetime.isoformat(), no zone
  std::string resolved_by;
  std::vector<std::string> resolved_archs;  // sorted
  // "conda-only", "pypi-only" or "mixed" as a document said it; empty: see environment_type.
  std::string env_type;
  bool accurate_source = true;
  std::map<std::string, std::string> full_id_unique_keys;
};

// SHA-1, hex, of the requirements: see environment-ids. Order of specs doesn't matter.
std::string requirement_id(const DescribedSpecs& deps, const DescribedSpecs& sources,
                           const DescribedSpecs& extras);
// SHA-1, hex, of one platform's exact packages.
std::string full_id(const EnvironmentDescription& environment);
// The id that environments resolved together share; the order given doesn't matter.
std::string coresolved_full_id(const std::vector<const EnvironmentDescription*>& environments);

// "conda-only", "pypi-only" or "mixed": as the document said, else from the requirements.
std::string_view environment_type(const EnvironmentDescription& environment);

// The document, byte for byte as the readers' own writer makes it (one line, no final newline).
std::string write_description(const EnvironmentDescription& environment);
// Reads a document of ours or of the readers; the platform is in its key, not in it. corrupt: says
// where and what was expected.
Result<EnvironmentDescription> read_description(std::string_view text, std::string platform);

// `["<req_id>", "<full_id>"]`, without a newline.
std::string write_alias(std::string_view req_id, std::string_view full_id);
struct AliasTarget {
  std::string req_id;
  std::string full_id;
};
Result<AliasTarget> read_alias(std::string_view text);

}  // namespace athanor
