#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"
#include "shared/digest/digest.hpp"
#include "shared/environment/description.hpp"

#include <algorithm>
#include <memory>

namespace athanor {
namespace {

std::string hash_of(const std::vector<std::string>& parts) {
  return sha1_of(join(parts, " ")).hex();
}

// "pip" is the old name of "pypi": it keeps its own place in the order of categories.
std::string_view spelled_category(std::string_view category) {
  return category == "pip" ? "pypi" : category;
}

void append_specs(std::vector<std::string>& parts, const DescribedSpecs& specs) {
  for (const auto& [category, values] : specs) {
    std::vector<std::string> sorted = values;
    std::ranges::sort(sorted);
    for (const std::string& value : sorted) {
      parts.push_back(std::string(spelled_category(category)) + "::" + value);
    }
  }
}

void append_packages(std::vector<std::string>& parts, const EnvironmentDescription& environment) {
  std::vector<const DescribedPackage*> sorted;
  sorted.reserve(environment.packages.size());
  for (const DescribedPackage& package : environment.packages) {
    sorted.push_back(&package);
  }
  // Stable as the readers' sort is: packages of one name keep their order.
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->filename < b->filename; });
  for (const DescribedPackage* package : sorted) {
    const CachedFormat* own = package->find(package->url_format);
    parts.push_back(package->filename + "#" + (own == nullptr ? "None" : own->hash));
  }
}

std::size_t count_specs(const DescribedSpecs& specs, std::string_view category) {
  std::size_t count = 0;
  for (const auto& [name, values] : specs) {
    if (spelled_category(name) == category) {
      count += values.size();
    }
  }
  return count;
}

}  // namespace

const CachedFormat* DescribedPackage::find(Format format) const {
  const auto found = std::ranges::find(formats, format, &CachedFormat::format);
  return found == formats.end() ? nullptr : std::to_address(found);
}

std::string requirement_id(const DescribedSpecs& deps, const DescribedSpecs& sources,
                           const DescribedSpecs& extras) {
  std::vector<std::string> parts;
  append_specs(parts, deps);
  append_specs(parts, sources);
  append_specs(parts, extras);
  return hash_of(parts);
}

std::string full_id(const EnvironmentDescription& environment) {
  std::vector<std::string> parts;
  append_packages(parts, environment);
  parts.push_back(environment.platform);
  for (const auto& [key, value] : environment.full_id_unique_keys) {
    parts.push_back(key + ":" + value);
  }
  return hash_of(parts);
}

std::string coresolved_full_id(const std::vector<const EnvironmentDescription*>& environments) {
  std::vector<const EnvironmentDescription*> sorted = environments;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->platform < b->platform; });
  std::vector<std::string> parts;
  for (const EnvironmentDescription* environment : sorted) {
    ATHANOR_CHECK(environment != nullptr);
    parts.push_back(environment->platform);
    append_packages(parts, *environment);
  }
  return hash_of(parts);
}

std::string_view environment_type(const EnvironmentDescription& environment) {
  if (!environment.env_type.empty()) {
    return environment.env_type;
  }
  if (count_specs(environment.deps, "pypi") == 0) {
    return "conda-only";
  }
  return count_specs(environment.deps, "conda") <= 1 ? "pypi-only" : "mixed";
}

}  // namespace athanor
