#include "coordinator/specs/known_environments.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

void merge(const SpecsByCategory& from, SpecsByCategory& into) {
  for (const auto& [category, specs] : from) {
    auto& known = into[category];
    for (const std::string& spec : specs) {
      if (std::find(known.begin(), known.end(), spec) == known.end()) {
        known.push_back(spec);
      }
    }
  }
}

bool is_id(std::string_view text) {
  constexpr std::size_t k_digits = 40;
  return text.size() == k_digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Whether the environment was resolved for exactly these platforms, or for one of them alone.
bool was_resolved_for(const EnvironmentDescription& description,
                      std::span<const std::string> platforms) {
  if (platforms.size() == 1) {
    return true;
  }
  std::vector<std::string> asked(platforms.begin(), platforms.end());
  std::vector<std::string> archs = description.resolved_archs;
  std::sort(asked.begin(), asked.end());
  std::sort(archs.begin(), archs.end());
  return asked == archs;
}

}  // namespace

Result<UseLatest> UseLatest::parse(std::string_view text, std::string_view user) {
  UseLatest whose;
  text = trim(text);
  if (text == ":none:") {
    return whose;
  }
  if (text == ":any:") {
    whose.any_ = true;
    return whose;
  }
  if (text == ":username:") {
    whose.users_.emplace_back(user);
    return whose;
  }
  if (text.empty() || text.front() == ':') {
    return make_error(ErrorKind::invalid,
                      "'" + printable(text, 80) + "' doesn't say whose environments may be used",
                      "it is :none:, :any:, :username: or names with commas between");
  }
  for (const std::string_view name : split(text, ',')) {
    whose.users_.emplace_back(trim(name));
  }
  return whose;
}

bool UseLatest::accepts(std::string_view resolved_by) const {
  return any_ || std::find(users_.begin(), users_.end(), resolved_by) != users_.end();
}

Requirements combined_requirements(const AskedEnvironment& environment) {
  Requirements all;
  for (const AskedPlatform& platform : environment.platforms) {
    merge(platform.wanted.requirements.deps, all.deps);
    merge(platform.wanted.requirements.sources, all.sources);
    merge(platform.wanted.requirements.extras, all.extras);
  }
  return all;
}

Result<std::optional<EnvironmentDescription>> KnownEnvironments::read(const std::string& platform,
                                                                      const std::string& req_id,
                                                                      const std::string& full_id) {
  ATHANOR_ASSIGN(const std::optional<std::string> text,
                 read_object(store_, layout_.environment_key(platform, req_id, full_id),
                             limits::k_small_document_bytes));
  if (!text) {
    return std::optional<EnvironmentDescription>();
  }
  ATHANOR_ASSIGN(EnvironmentDescription description, read_description(*text, platform));
  return std::optional<EnvironmentDescription>(std::move(description));
}

Result<std::optional<KnownEnvironments::Found>> KnownEnvironments::find(
    const std::string& req_id, std::span<const std::string> platforms, const UseLatest& whose) {
  std::optional<Found> latest;
  if (platforms.empty() || !whose.looks()) {
    return latest;
  }
  const std::string folder =
      layout_.environments_root() + "/" + platforms.front() + "/" + req_id + "/";
  ATHANOR_ASSIGN(const std::vector<Store::FolderEntry> entries, store_.list_folder(folder));
  for (const Store::FolderEntry& entry : entries) {
    if (!entry.is_folder || !is_id(entry.name)) {
      continue;
    }
    Found found{.full_id = entry.name, .platforms = {}};
    for (const std::string& platform : platforms) {
      auto description = read(platform, req_id, entry.name);
      if (!description && description.error().kind != ErrorKind::corrupt) {
        return std::move(description).error();
      }
      if (!description || !*description || !was_resolved_for(**description, platforms) ||
          !whose.accepts((*description)->resolved_by)) {
        break;
      }
      found.platforms.push_back(std::move(**description));
    }
    // Times are ISO texts without zone, which compare as texts.
    if (found.platforms.size() == platforms.size() &&
        (!latest || latest->platforms.front().resolved_on < found.platforms.front().resolved_on)) {
      latest = std::move(found);
    }
  }
  return latest;
}

Result<AliasTarget> KnownEnvironments::target_of(const std::string& alias) {
  if (const std::size_t colon = alias.find(':'); colon != std::string::npos &&
                                                 is_id(alias.substr(0, colon)) &&
                                                 is_id(alias.substr(colon + 1))) {
    return AliasTarget{.req_id = alias.substr(0, colon), .full_id = alias.substr(colon + 1)};
  }
  ATHANOR_ASSIGN(const std::string key, layout_.alias_key(alias));
  ATHANOR_ASSIGN(const std::optional<std::string> text,
                 read_object(store_, key, limits::k_small_document_bytes));
  if (!text) {
    return make_error(ErrorKind::not_found,
                      "no environment '" + printable(alias, 200) + "' is in " + store_.url(),
                      "athanor check --all shows what the store describes");
  }
  return read_alias(*text);
}

Result<KnownEnvironments::Found> KnownEnvironments::named(const std::string& alias,
                                                          std::span<const std::string> platforms) {
  ATHANOR_ASSIGN(const AliasTarget target, target_of(alias));
  Found found{.full_id = target.full_id, .platforms = {}};
  for (const std::string& platform : platforms) {
    ATHANOR_ASSIGN(std::optional<EnvironmentDescription> description,
                   read(platform, target.req_id, target.full_id));
    if (!description) {
      const std::string there =
          found.platforms.empty()
              ? std::string()
              : "it exists for " + join(found.platforms.front().resolved_archs, ", ");
      return make_error(ErrorKind::not_found,
                        "environment '" + printable(alias, 200) + "' doesn't exist for " + platform,
                        there);
    }
    found.platforms.push_back(std::move(*description));
  }
  return found;
}

Result<EnvironmentRequest> request_of(const EnvironmentDescription& description,
                                      const AskedEnvironment& environment) {
  EnvironmentRequest request{.name = environment.name,
                             .platform = description.platform,
                             .platform_label = description.platform,
                             .requirements = {.deps = description.deps,
                                              .sources = description.sources,
                                              .extras = description.extras},
                             .requirement_origin = RequirementOrigin::given,
                             .aliases = environment.aliases,
                             .resolved_on = description.resolved_on,
                             .resolved_by = description.resolved_by,
                             .position = {.file = environment.input, .line = 0}};
  if (environment.platforms.size() > 1) {
    request.coresolve_group = environment.input + "#" + environment.name;
  }
  for (const DescribedPackage& package : description.packages) {
    auto source = SourceUrl::parse(package.url, package.type);
    if (!source) {
      // Built on the spot by the reader: it can only come from the store.
      request.skipped.push_back({.type = package.type,
                                 .text = redact_url(package.url),
                                 .reason = SkipReason::local_or_vcs,
                                 .position = request.position});
      continue;
    }
    PackageReference reference{
        .source = std::move(*source), .expected = {}, .position = request.position};
    if (const CachedFormat* own = package.find(package.url_format)) {
      reference.expected.md5 = Md5::from_hex(own->hash);
      reference.expected.sha256 = Sha256::from_hex(own->hash);
    }
    request.packages.push_back(std::move(reference));
  }
  return request;
}

}  // namespace athanor::coordinator
