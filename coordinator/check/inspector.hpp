#pragma once

#include "coordinator/check/check.hpp"
#include "coordinator/plan/survey.hpp"
#include "shared/environment/description.hpp"

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace athanor::coordinator {

// An environment that should be in the store.
struct CheckTarget {
  EnvironmentCheck* check = nullptr;
  std::string key;  // of the description
};

// Looks at descriptions and at the objects that they name, asking the store once per source
// however many environments share it. Not thread-safe.
class Inspector {
 public:
  Inspector(Store& store, const Layout& layout, std::stop_token stop);

  // Adds reasons to each target's check. Many at once: they are read in parallel.
  Result<void> inspect(std::span<const CheckTarget> targets);
  // What is known of these sources, asked for if it wasn't yet.
  Result<void> survey(std::span<const SourceUrl* const> sources);
  const SurveyedSource* find(const SourceUrl& source) const;

  static void add_reason(EnvironmentCheck& check, std::string reason);

 private:
  struct Described {
    EnvironmentCheck* check = nullptr;
    EnvironmentDescription description;
    std::vector<std::optional<SourceUrl>> sources;  // beside packages; absent: no such URL
  };

  Result<std::vector<Described>> read(std::span<const CheckTarget> targets);
  Result<void> find_unlisted(const std::vector<Described>& described);
  void judge(const Described& described) const;
  void judge_package(EnvironmentCheck& check, const DescribedPackage& package,
                     const SurveyedSource* surveyed) const;

  Store& store_;
  const Layout& layout_;
  const std::stop_token stop_;
  Survey survey_;
  std::unordered_set<std::string> surveyed_;              // source prefixes
  std::unordered_map<std::string, bool> single_objects_;  // keys whose source can't be listed
};

}  // namespace athanor::coordinator
