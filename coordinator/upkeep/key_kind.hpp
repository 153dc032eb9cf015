#pragma once

#include "shared/layout/layout.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace athanor::coordinator {

enum class KeyKind {
  package,      // an object in a slot, as readers expect it
  environment,  // a description
  alias,        // what leads to one
  own,          // Athanor's: claims, trash
  misplaced,    // among the packages, where no reader expects an object
  foreign,      // of somebody else, or of no layout that is known
};

struct ClassifiedKey {
  KeyKind kind = KeyKind::foreign;
  std::optional<ArtifactKey> package{};  // of `package`
  // Of `misplaced`: readers list that folder and give up when they meet it.
  bool harms_readers = false;
  std::string why{};  // of `misplaced` and `foreign`, for a person
};

// What a key says about its object.
ClassifiedKey classify_key(const Layout& layout, std::string_view key);

// What of a key looks like a credential: "a token (/t/...)"; never the credential itself. Keys are
// shown to everybody who may list the store.
std::optional<std::string> secret_in_key(std::string_view key);

// The key for people: what secret_in_key finds is replaced by "***".
std::string printable_key(std::string_view key);

// "PKGS/<type>/<source>/<filename>/": where at most one hash folder may be.
std::string slot_of(const Layout& layout, const ArtifactKey& package);

// Where a package is from and for, as far as its key tells.
struct PackageOrigin {
  std::string channel;   // "conda.anaconda.org/conda-forge"; a host for pypi
  std::string platform;  // "linux-64", "noarch"; "source" for what must be built; else "other"
};
PackageOrigin origin_of(const ArtifactKey& package);

}  // namespace athanor::coordinator
