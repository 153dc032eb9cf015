#include "shared/layout/layout.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>
#include <utility>

namespace athanor {
namespace {

constexpr std::string_view k_undownloadable = "_fake";
constexpr std::string_view k_claims = ".athanor/claims/";
constexpr std::size_t k_id_digits = 40;

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return text.size() == k_id_digits && is_lower_hex(text);
}

std::string without_slashes(std::string text) {
  while (text.ends_with('/')) {
    text.pop_back();
  }
  text.erase(0, text.find_first_not_of('/'));
  return text;
}

// The last segment; `path` keeps what stands before its slash. Empty if there is none left.
std::string_view take_last_segment(std::string_view& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return std::exchange(path, {});
  }
  const std::string_view segment = path.substr(slash + 1);
  path = path.substr(0, slash);
  return segment;
}

bool has_only_plain_segments(std::string_view path) {
  return std::ranges::none_of(split(path, '/'), [](std::string_view segment) {
    return segment.empty() || segment == "." || segment == "..";
  });
}

std::string filename_of(const SourceUrl& source, Format format) {
  return source.stem() + std::string(extension(format));
}

Error bad_alias(std::string_view alias, std::string_view why) {
  return make_error(ErrorKind::invalid,
                    "'" + printable(alias) + "' can't be an alias: " + std::string(why),
                    "write it as name or name:tag, for example team/model:v1");
}

bool is_made_of(std::string_view text, std::string_view extra) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

struct NameAndTag {
  std::string_view name;
  std::string_view tag;
};

NameAndTag split_alias(std::string_view alias) {
  const std::size_t colon = alias.rfind(':');
  if (colon == std::string_view::npos) {
    return {.name = alias, .tag = "latest"};
  }
  return {.name = alias.substr(0, colon), .tag = alias.substr(colon + 1)};
}

}  // namespace

std::size_t hash_digits(PackageType type) {
  return type == PackageType::conda ? 32 : 64;
}

bool is_object_hash(std::string_view name, PackageType type) {
  return name.size() == hash_digits(type) && is_lower_hex(name);
}

Layout::Layout(std::string packages, std::string environments)
    : packages_(without_slashes(std::move(packages))),
      environments_(without_slashes(std::move(environments))) {}

std::string Layout::source_prefix(const SourceUrl& source) const {
  std::string prefix = packages_;
  prefix += '/';
  prefix += to_string(source.type());
  if (!source.netloc().empty()) {  // file URLs have none
    prefix += '/';
    prefix += source.netloc();
  }
  prefix += source.path();
  prefix += '/';
  return prefix;
}

std::string Layout::slot_prefix(const SourceUrl& source, Format format) const {
  return source_prefix(source) + filename_of(source, format) + "/";
}

std::string Layout::artifact_key(const SourceUrl& source, Format format,
                                 const Digest& digest) const {
  return artifact_key(source, format,
                      source.type() == PackageType::conda ? digest.md5.hex() : digest.sha256.hex());
}

std::string Layout::artifact_key(const SourceUrl& source, Format format,
                                 std::string_view hash_hex) const {
  const std::string filename = filename_of(source, format);
  std::string key = source_prefix(source);
  key += filename;
  key += '/';
  key += hash_hex;
  key += '/';
  key += filename;
  return key;
}

std::string Layout::artifact_key(const ArtifactKey& parts) const {
  std::string key = packages_;
  for (const std::string_view part :
       {to_string(parts.type), std::string_view(parts.source), std::string_view(parts.filename),
        std::string_view(parts.hash), std::string_view(parts.filename)}) {
    key += '/';
    key += part;
  }
  return key;
}

std::optional<ArtifactKey> Layout::parse_artifact_key(std::string_view key) const {
  if (!key.starts_with(packages_ + "/") || !has_only_plain_segments(key)) {
    return std::nullopt;
  }
  std::string_view rest = key.substr(packages_.size() + 1);
  const std::string_view filename = take_last_segment(rest);
  const std::string_view hash = take_last_segment(rest);
  const std::string_view slot = take_last_segment(rest);
  const std::size_t slash = rest.find('/');
  if (slot != filename || slash == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view source = rest.substr(slash + 1);
  const auto type = package_type_from_string(rest.substr(0, slash));
  if (!type || source.find('/') == std::string_view::npos || !is_object_hash(hash, *type)) {
    return std::nullopt;
  }
  const auto format = format_of_filename(filename, *type);
  if (!format || filename.size() == extension(*format).size()) {
    return std::nullopt;
  }
  return ArtifactKey{.type = *type,
                     .source = std::string(source),
                     .filename = std::string(filename),
                     .format = *format,
                     .hash = std::string(hash)};
}

std::string Layout::undownloadable_source(const Url& url) {
  std::string source(url.host == k_undownloadable ? "" : k_undownloadable);
  for (const std::string& part : {url.netloc(), without_slashes(url.path)}) {
    if (!part.empty()) {
      source += source.empty() ? "" : "/";
      source += part;
    }
  }
  return source;
}

std::string Layout::environment_key(std::string_view platform, std::string_view req_id,
                                    std::string_view full_id) const {
  std::string key = environments_;
  for (const std::string_view part : {platform, req_id, full_id, std::string_view("env")}) {
    key += '/';
    key += part;
  }
  return key;
}

std::optional<Layout::EnvironmentKey> Layout::parse_environment_key(std::string_view key) const {
  const auto parts = split(key, '/');
  const std::size_t root = split(environments_, '/').size();
  if (!key.starts_with(environments_ + "/") || parts.size() != root + 4 ||
      parts[root + 3] != "env" || parts[root].empty() || !is_id(parts[root + 1]) ||
      !is_id(parts[root + 2])) {
    return std::nullopt;
  }
  return EnvironmentKey{.platform = std::string(parts[root]),
                        .req_id = std::string(parts[root + 1]),
                        .full_id = std::string(parts[root + 2])};
}

std::string Layout::full_id_alias_key(std::string_view full_id) const {
  return environments_ + "/aliases/full-id/" + std::string(full_id);
}

Result<std::string> Layout::alias_key(std::string_view alias) const {
  if (alias.starts_with("step:")) {
    return bad_alias(alias, "readers look steps up in the flow's own metadata");
  }
  if (is_id(alias)) {
    return bad_alias(alias, "readers take 40 hexadecimal digits for an id");
  }
  const auto [name, tag] = split_alias(alias);
  if (is_id(name) && is_id(tag)) {
    return bad_alias(alias, "readers take it for the two ids of an environment");
  }
  if (name.empty() || !is_made_of(name, "-_/")) {
    return bad_alias(alias, "a name is made of a-z, 0-9, '-', '_' and '/', and nothing else");
  }
  if (name.front() == '/' || name.back() == '/' || !has_only_plain_segments(name)) {
    return bad_alias(alias, "a name neither begins nor ends with '/' and holds no '//'");
  }
  if (tag.empty() || !is_made_of(tag, "-_")) {
    return bad_alias(alias, "a tag is made of a-z, 0-9, '-' and '_', and nothing else");
  }
  std::string key = environments_ + "/aliases/generic/";
  key += name;
  key += '/';
  key += tag;
  return key;
}

bool Layout::is_mutable_alias(std::string_view alias) {
  const std::string_view tag = split_alias(alias).tag;
  return tag == "latest" || tag == "candidate" || tag == "stable";
}

std::string Layout::claim_key(const SourceUrl& source, Format format) const {
  return std::string(k_claims) + sha256_of(slot_prefix(source, format)).hex();
}

std::string Layout::claim_key(const ArtifactKey& package) const {
  const std::string key = artifact_key(package);
  const std::size_t slot = key.size() - package.filename.size() - package.hash.size() - 1;
  return std::string(k_claims) + sha256_of(std::string_view(key).substr(0, slot)).hex();
}

}  // namespace athanor
