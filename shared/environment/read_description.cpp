#include "shared/base/strings.hpp"
#include "shared/environment/description.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"

#include <algorithm>
#include <utility>

namespace athanor {
namespace {

// Documents come from a store that others write to: whatever is wrong with one is corruption to us,
// whichever kind of error the JSON reader calls it.
Error as_corrupt(Error error) {
  error.kind = ErrorKind::corrupt;
  return error;
}

Result<DescribedSpecs> read_specs(const JsonView& document, std::string_view member) {
  DescribedSpecs specs;
  ATHANOR_ASSIGN(const auto list, document.optional_member(member));
  if (!list) {
    return specs;
  }
  ATHANOR_ASSIGN(const auto items, list->items());
  for (const JsonView& item : items) {
    ATHANOR_ASSIGN(const std::string_view text, item.string());
    const std::size_t colons = text.find("::");
    if (colons == std::string_view::npos || colons == 0) {
      return item.expected("\"category::spec\"");
    }
    const std::string_view category = text.substr(0, colons);
    specs[category == "pip" ? "pypi" : std::string(category)].emplace_back(text.substr(colons + 2));
  }
  return specs;
}

Result<PackageType> read_type(const JsonView& object) {
  ATHANOR_ASSIGN(const std::string_view name, object.string("_type"));
  const auto type = name == "pip" ? PackageType::pypi : package_type_from_string(name);
  if (!type) {
    ATHANOR_ASSIGN(const JsonView member, object.member("_type"));
    return member.expected("\"conda\" or \"pypi\"");
  }
  return *type;
}

bool is_format_of(Format format, PackageType type) {
  const bool conda = format == Format::conda || format == Format::tar_bz2;
  return conda == (type == PackageType::conda);
}

Result<Format> read_format(std::string_view name, PackageType type, const JsonView& where) {
  const auto format = format_from_extension(name);
  if (!format || !is_format_of(*format, type)) {
    return where.expected(type == PackageType::conda ? "the format .conda or .tar.bz2"
                                                     : "one of the formats .whl, .tar.gz and .zip");
  }
  return *format;
}

Result<void> read_hashes(const JsonView& object, DescribedPackage& package) {
  ATHANOR_ASSIGN(const JsonView hashes, object.member("hashes"));
  ATHANOR_ASSIGN(const auto members, hashes.members());
  for (const auto& [name, value] : members) {
    ATHANOR_ASSIGN(const Format format, read_format(name, package.type, value));
    if (value.value().is_null()) {
      continue;  // A reader may write a hash that it doesn't know.
    }
    ATHANOR_ASSIGN(const std::string_view hash, value.string());
    const std::size_t digits = package.type == PackageType::conda ? 32 : 64;
    if (hash.size() != digits || !from_hex(hash)) {
      return value.expected(std::to_string(digits) + " hexadecimal digits");
    }
    package.formats.push_back({.format = format, .hash = to_lower(hash), .key = {}});
  }
  return {};
}

Result<void> read_cache_info(const JsonView& object, DescribedPackage& package) {
  ATHANOR_ASSIGN(const auto cache, object.optional_member("cache_info"));
  if (!cache) {
    return {};
  }
  ATHANOR_ASSIGN(const auto members, cache->members());
  for (const auto& [name, value] : members) {
    ATHANOR_ASSIGN(const Format format, read_format(name, package.type, value));
    ATHANOR_ASSIGN(const std::string_view key, value.string("url"));
    const auto known = std::ranges::find(package.formats, format, &CachedFormat::format);
    if (known == package.formats.end()) {
      return value.expected("a format that has a hash");
    }
    known->key = std::string(key);
  }
  return {};
}

Result<DescribedPackage> read_package(const JsonView& object) {
  DescribedPackage package;
  ATHANOR_ASSIGN(package.type, read_type(object));
  ATHANOR_ASSIGN(package.filename, object.string("filename"));
  ATHANOR_ASSIGN(package.url, object.string("url"));
  ATHANOR_ASSIGN(const JsonView url_format, object.member("url_format"));
  ATHANOR_ASSIGN(const std::string_view format_name, url_format.string());
  ATHANOR_ASSIGN(package.url_format, read_format(format_name, package.type, url_format));
  ATHANOR_TRY(read_hashes(object, package));
  ATHANOR_TRY(read_cache_info(object, package));
  return package;
}

Result<std::string> read_type_name(const JsonView& document) {
  ATHANOR_ASSIGN(const auto name, document.optional_string("env_type"));
  if (!name || *name == "mixed") {
    return std::string("mixed");  // What readers assume.
  }
  if (*name == "conda-only" || *name == "pypi-only") {
    return std::string(*name);
  }
  if (*name == "pip-only") {
    return std::string("pypi-only");
  }
  ATHANOR_ASSIGN(const JsonView member, document.member("env_type"));
  return member.expected("\"conda-only\", \"pypi-only\" or \"mixed\"");
}

Result<EnvironmentDescription> read_document(const JsonView& document, std::string platform) {
  EnvironmentDescription environment;
  environment.platform = std::move(platform);
  ATHANOR_TRY(document.member("deps"));
  ATHANOR_ASSIGN(environment.deps, read_specs(document, "deps"));
  ATHANOR_ASSIGN(environment.sources, read_specs(document, "sources"));
  ATHANOR_ASSIGN(environment.extras, read_specs(document, "extras"));
  ATHANOR_ASSIGN(const JsonView packages, document.member("packages"));
  ATHANOR_ASSIGN(const auto items, packages.items());
  environment.packages.reserve(items.size());
  for (const JsonView& item : items) {
    ATHANOR_ASSIGN(DescribedPackage package, read_package(item));
    environment.packages.push_back(std::move(package));
  }
  ATHANOR_ASSIGN(environment.resolved_on, document.string("resolved_on"));
  ATHANOR_ASSIGN(environment.resolved_by, document.string("resolved_by"));
  ATHANOR_ASSIGN(environment.resolved_archs, document.strings("resolved_archs"));
  ATHANOR_ASSIGN(environment.env_type, read_type_name(document));
  ATHANOR_ASSIGN(const auto accurate, document.optional_boolean("accurate_source"));
  environment.accurate_source = accurate.value_or(true);
  ATHANOR_ASSIGN(const auto unique_keys, document.optional_member("full_id_unique_keys"));
  if (unique_keys) {
    ATHANOR_ASSIGN(const auto members, unique_keys->members());
    for (const auto& [key, value] : members) {
      ATHANOR_ASSIGN(environment.full_id_unique_keys[std::string(key)], value.string());
    }
  }
  return environment;
}

bool is_id(std::string_view text) {
  return text.size() == 40 && from_hex(text).has_value();
}

}  // namespace

Result<EnvironmentDescription> read_description(std::string_view text, std::string platform) {
  Result<Json> json = parse_json(text);
  if (!json) {
    return as_corrupt(std::move(json).error());
  }
  Result<EnvironmentDescription> environment =
      read_document(JsonView(json.value()), std::move(platform));
  if (!environment) {
    return as_corrupt(std::move(environment).error());
  }
  return environment;
}

Result<AliasTarget> read_alias(std::string_view text) {
  // A real one has 88 bytes; there is no reason to read more than a few times that.
  Result<Json> json = parse_json(text, {.bytes = 1024, .depth = 2, .nodes = 8});
  if (!json) {
    return as_corrupt(std::move(json).error());
  }
  const Json::Array* items = json->as_array();
  const bool two_strings =
      items != nullptr && items->size() == 2 && (*items)[0].is_string() && (*items)[1].is_string();
  if (!two_strings || !is_id(*(*items)[0].as_string()) || !is_id(*(*items)[1].as_string())) {
    return make_error(ErrorKind::corrupt,
                      "an alias is a list of two ids, and this is '" + printable(text, 120) + "'");
  }
  return AliasTarget{.req_id = *(*items)[0].as_string(), .full_id = *(*items)[1].as_string()};
}

}  // namespace athanor
