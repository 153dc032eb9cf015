#include "shared/environment/description.hpp"
#include "shared/json/json.hpp"

#include <algorithm>
#include <utility>

namespace athanor {
namespace {

struct TaggedSpec {
  std::string category;
  std::string spec;
};

std::vector<TaggedSpec> tagged(const DescribedSpecs& specs) {
  std::vector<TaggedSpec> all;
  for (const auto& [category, values] : specs) {
    for (const std::string& value : values) {
      all.push_back({.category = category == "pip" ? "pypi" : category, .spec = value});
    }
  }
  return all;
}

Json spec_list(const std::vector<TaggedSpec>& specs) {
  Json::Array items;
  items.reserve(specs.size());
  for (const TaggedSpec& spec : specs) {
    items.emplace_back(spec.category + "::" + spec.spec);
  }
  return items;
}

Json::Array string_list(const std::vector<std::string>& values) {
  Json::Array items;
  items.reserve(values.size());
  for (const std::string& value : values) {
    items.emplace_back(value);
  }
  return items;
}

Json hashes_object(const DescribedPackage& package,
                   const std::vector<const CachedFormat*>& by_extension) {
  Json::Object members;
  const auto append = [&](bool own) {
    for (const CachedFormat* format : by_extension) {
      if ((format->format == package.url_format) == own) {
        members.push_back({.key = std::string(extension(format->format)), .value = format->hash});
      }
    }
  };
  append(true);
  append(false);
  return Json::object(std::move(members));
}

Json cache_object(PackageType type, const std::vector<const CachedFormat*>& by_extension) {
  Json::Object members;
  for (const CachedFormat* format : by_extension) {
    if (!format->key.empty()) {
      members.push_back(
          {.key = std::string(extension(format->format)),
           .value = Json::object({{"_type", to_string(type)}, {"url", format->key}})});
    }
  }
  return Json::object(std::move(members));
}

Json package_object(const DescribedPackage& package) {
  std::vector<const CachedFormat*> by_extension;
  for (const CachedFormat& format : package.formats) {
    by_extension.push_back(&format);
  }
  std::ranges::sort(by_extension, {},
                    [](const CachedFormat* format) { return extension(format->format); });
  Json::Object members;
  members.push_back({.key = "_type", .value = to_string(package.type)});
  members.push_back({.key = "filename", .value = package.filename});
  members.push_back({.key = "url", .value = package.url});
  members.push_back({.key = "url_format", .value = extension(package.url_format)});
  members.push_back({.key = "hashes", .value = hashes_object(package, by_extension)});
  Json cache = cache_object(package.type, by_extension);
  if (cache.size() > 0) {
    members.push_back({.key = "cache_info", .value = std::move(cache)});
  }
  return Json::object(std::move(members));
}

}  // namespace

std::string write_description(const EnvironmentDescription& environment) {
  std::vector<TaggedSpec> deps = tagged(environment.deps);
  std::stable_sort(deps.begin(), deps.end(),
                   [](const TaggedSpec& a, const TaggedSpec& b) { return a.spec < b.spec; });
  Json::Array packages;
  packages.reserve(environment.packages.size());
  for (const DescribedPackage& package : environment.packages) {
    packages.push_back(package_object(package));
  }
  Json::Object unique_keys;
  for (const auto& [key, value] : environment.full_id_unique_keys) {
    unique_keys.push_back({.key = key, .value = value});
  }
  return python_dump(Json::object({
      {"deps", spec_list(deps)},
      {"sources", spec_list(tagged(environment.sources))},
      {"extras", spec_list(tagged(environment.extras))},
      {"packages", std::move(packages)},
      {"resolved_on", environment.resolved_on},
      {"resolved_by", environment.resolved_by},
      {"resolved_archs", string_list(environment.resolved_archs)},
      {"env_type", environment_type(environment)},
      {"accurate_source", environment.accurate_source},
      {"full_id_unique_keys", Json::object(std::move(unique_keys))},
  }));
}

std::string write_alias(std::string_view req_id, std::string_view full_id) {
  return python_dump(Json(Json::Array{Json(req_id), Json(full_id)}));
}

}  // namespace athanor
