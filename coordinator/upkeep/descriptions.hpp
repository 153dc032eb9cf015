#pragma once

#include "coordinator/upkeep/key_set.hpp"
#include "coordinator/upkeep/upkeep.hpp"
#include "shared/environment/description.hpp"

#include <functional>
#include <optional>
#include <string>

namespace athanor::coordinator {

// One description that stands in the store.
struct StoredDescription {
  std::string key;
  std::optional<EnvironmentDescription> environment{};  // absent: it can't be read
  std::string problem{};                                // why not
};

// Calls `visit` for every environment description, in the order of keys, holding a few dozen at a
// time; reads them in parallel. `wanted` chooses by key and version; empty: all.
Result<void> for_each_description(const Upkeep& upkeep,
                                  const std::function<bool(const ObjectInfo&)>& wanted,
                                  const std::function<Result<void>(StoredDescription)>& visit);

// What environments need, as far as descriptions say.
class References {
 public:
  static Result<References> collect(const Upkeep& upkeep);
  // Looks at descriptions that are new or were replaced since, and adds what they need.
  Result<void> collect_new(const Upkeep& upkeep);

  // rejected: a description can't be read, so nobody knows what it needs.
  Result<void> check_all_readable() const;

  // Objects that a description names.
  bool names(std::string_view key) const { return keys_.contains(key); }
  // Any format of a source that a description uses: readers take what they find in its folder.
  bool uses_source_of(const Layout& layout, const ArtifactKey& package) const;
  std::size_t environments() const { return environments_; }

 private:
  void add(const Upkeep& upkeep, const EnvironmentDescription& environment);

  KeySet keys_;
  KeySet sources_;  // "PKGS/<type>/<source>/"
  KeySet seen_;     // descriptions, by key and version
  std::size_t environments_ = 0;
  std::optional<Error> unreadable_;  // the first that can't be read
};

// "PKGS/<type>/<source>/": the folder of all formats of a package's source.
std::string source_folder(const Layout& layout, const ArtifactKey& package);

}  // namespace athanor::coordinator
