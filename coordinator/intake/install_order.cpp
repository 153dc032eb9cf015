#include "coordinator/intake/install_order.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <optional>
#include <utility>

namespace athanor::coordinator {
namespace {

// Real packages have ten dependencies on average. What is beyond the bound only costs the order.
constexpr std::size_t k_dependencies = 8 * limits::k_input_references;

std::string filename_of(std::string_view location) {
  location = location.substr(0, location.find_first_of("#?"));
  return std::string(location.substr(location.rfind('/') + 1));
}

// Visits packages depth first without recursion: a hostile lock may chain them all.
class Sorter {
 public:
  Sorter(std::vector<PackageReference>& packages,
         const std::unordered_map<std::string, std::vector<std::string>>& dependencies)
      : packages_(packages),
        dependencies_(dependencies),
        visited_(packages.size(), false) {
    for (std::size_t i = 0; i < packages.size(); ++i) {
      if (packages[i].source.type() == PackageType::conda) {
        if (const auto name = ArtifactName::parse(packages[i].source.stem())) {
          by_name_.emplace(name->name, i);
        }
      }
    }
  }

  std::vector<PackageReference> sorted() {
    for (const PackageType type : {PackageType::conda, PackageType::pypi}) {
      for (std::size_t i = 0; i < packages_.size(); ++i) {
        if (packages_[i].source.type() == type) {
          visit(i);
        }
      }
    }
    return std::move(result_);
  }

 private:
  struct Step {
    std::size_t package = 0;
    std::size_t next = 0;  // which of its dependencies is looked at next
  };

  const std::vector<std::string>* dependencies_of(std::size_t package) const {
    const auto found = dependencies_.find(filename_of(packages_[package].source.text()));
    return packages_[package].source.type() != PackageType::conda || found == dependencies_.end()
               ? nullptr
               : &found->second;
  }

  void visit(std::size_t root) {
    if (visited_[root]) {
      return;
    }
    visited_[root] = true;
    std::vector<Step> path = {Step{.package = root, .next = 0}};
    while (!path.empty()) {
      Step& step = path.back();
      const auto* names = dependencies_of(step.package);
      if (names == nullptr || step.next == names->size()) {
        result_.push_back(packages_[step.package]);
        path.pop_back();
        continue;
      }
      const auto dependency = by_name_.find((*names)[step.next++]);
      if (dependency != by_name_.end() && !visited_[dependency->second]) {
        visited_[dependency->second] = true;
        path.push_back(Step{.package = dependency->second, .next = 0});
      }
    }
  }

  std::vector<PackageReference>& packages_;
  const std::unordered_map<std::string, std::vector<std::string>>& dependencies_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::vector<bool> visited_;
  std::vector<PackageReference> result_;
};

}  // namespace

void InstallOrder::add(std::string_view location, std::string_view spec) {
  spec = trim(spec);
  const std::size_t channel = spec.rfind("::");
  spec = channel == std::string_view::npos ? spec : spec.substr(channel + 2);
  spec = spec.substr(0, spec.find_first_of(" \t<>=!~["));
  if (!spec.empty() && count_ < k_dependencies) {
    ++count_;
    dependencies_[filename_of(location)].emplace_back(spec);
  }
}

void InstallOrder::sort(std::vector<PackageReference>& packages) const {
  packages = Sorter(packages, dependencies_).sorted();
}

}  // namespace athanor::coordinator
