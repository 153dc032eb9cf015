#pragma once

#include "coordinator/intake/request.hpp"
#include "coordinator/specs/asked.hpp"
#include "shared/base/result.hpp"
#include "shared/environment/description.hpp"
#include "shared/layout/layout.hpp"
#include "shared/store/store.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// Whose environments may be used instead of solving anew, as the reader's CONDA_USE_REMOTE_LATEST
// says it.
class UseLatest {
 public:
  // ":none:", ":any:", ":username:" (which is `user`) or names with commas between. invalid: else.
  static Result<UseLatest> parse(std::string_view text, std::string_view user);

  bool looks() const { return any_ || !users_.empty(); }
  bool accepts(std::string_view resolved_by) const;

 private:
  bool any_ = false;
  std::vector<std::string> users_;
};

// The requirement of an environment whose platforms are resolved together: what they ask for
// together, each spec once. Its id is what readers look for, on every platform.
Requirements combined_requirements(const AskedEnvironment& environment);

// Environments that a store describes. Not thread-safe; blocks. Store and layout outlive it.
class KnownEnvironments {
 public:
  KnownEnvironments(Store& store, const Layout& layout)
      : store_(store),
        layout_(layout) {}

  struct Found {
    std::string full_id;
    std::vector<EnvironmentDescription> platforms;  // in the order asked for
  };

  // Of those that have the requirement on all platforms, resolved together if there are several,
  // the one resolved last by somebody who counts. A description that can't be read is passed over.
  Result<std::optional<Found>> find(const std::string& req_id,
                                    std::span<const std::string> platforms, const UseLatest& whose);

  // By an alias ("name:tag", "name" for its latest, or "req_id:full_id"). not_found: there is none,
  // or it doesn't exist on one of the platforms; the message names those that it does exist on.
  Result<Found> named(const std::string& alias, std::span<const std::string> platforms);

 private:
  Result<std::optional<EnvironmentDescription>> read(const std::string& platform,
                                                     const std::string& req_id,
                                                     const std::string& full_id);
  Result<AliasTarget> target_of(const std::string& alias);

  Store& store_;
  const Layout& layout_;
};

// A described environment as a request: the same packages, nothing left to choose. corrupt: the
// description names a package by no URL.
Result<EnvironmentRequest> request_of(const EnvironmentDescription& description,
                                      const AskedEnvironment& environment);

}  // namespace athanor::coordinator
