#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/source_url.hpp"
#include "shared/digest/digest.hpp"
#include "shared/net/url.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A key of a package object, taken apart.
struct ArtifactKey {
  PackageType type = PackageType::conda;
  std::string source;    // "<netloc>/<url path>": what follows PKGS/<type>/
  std::string filename;  // stem + extension
  Format format = Format::conda;
  std::string hash;  // hex

  friend bool operator==(const ArtifactKey&, const ArtifactKey&) = default;
};

// Hexadecimal digits of the hash that names an object: 32 (MD5) for conda, 64 (SHA-256) for pypi.
std::size_t hash_digits(PackageType type);
// Whether a folder name is such a hash, in lower case.
bool is_object_hash(std::string_view name, PackageType type);

// Where everything stands in a store of layout `metaflow`: the only place that spells keys. What is
// spelled here is a contract with programs that we don't write; see LAYOUT.md. Value type.
class Layout {
 public:
  // The reader's CONDA_PACKAGES_DIRNAME and CONDA_ENVS_DIRNAME.
  explicit Layout(std::string packages = "packages", std::string environments = "envs");

  // "packages/conda/<netloc>/<url path>/": all formats of one source.
  std::string source_prefix(const SourceUrl& source) const;
  // "<source prefix><stem><ext>/": at most one hash folder, ever.
  std::string slot_prefix(const SourceUrl& source, Format format) const;
  // The object: MD5 in the key for conda, SHA-256 for pypi.
  std::string artifact_key(const SourceUrl& source, Format format, const Digest& digest) const;
  std::string artifact_key(const SourceUrl& source, Format format, std::string_view hash_hex) const;
  // The same key from its parts, also for files whose names aren't their URL's (built wheels).
  std::string artifact_key(const ArtifactKey& parts) const;
  // Absent if the key isn't that of a package object in this layout.
  std::optional<ArtifactKey> parse_artifact_key(std::string_view key) const;
  // ArtifactKey::source of a package that was built from `url` and can't be downloaded from there.
  static std::string undownloadable_source(const Url& url);

  std::string environment_key(std::string_view platform, std::string_view req_id,
                              std::string_view full_id) const;
  std::string full_id_alias_key(std::string_view full_id) const;
  // Takes environment_key apart; absent if the key isn't one.
  struct EnvironmentKey {
    std::string platform;
    std::string req_id;
    std::string full_id;
  };
  std::optional<EnvironmentKey> parse_environment_key(std::string_view key) const;
  // invalid: not "name" or "name:tag" as the readers accept it.
  Result<std::string> alias_key(std::string_view alias) const;
  // Tags latest, candidate and stable may be overwritten; every other alias never. The alias must
  // be one that alias_key accepts.
  static bool is_mutable_alias(std::string_view alias);

  // Where a writer announces the transmuted object it is about to publish; the content of a claim
  // is the object's key.
  std::string claim_key(const SourceUrl& source, Format format) const;
  // The claim of the slot that the object stands in.
  std::string claim_key(const ArtifactKey& package) const;

  const std::string& packages_root() const { return packages_; }
  const std::string& environments_root() const { return environments_; }

 private:
  std::string packages_;
  std::string environments_;
};

}  // namespace athanor
