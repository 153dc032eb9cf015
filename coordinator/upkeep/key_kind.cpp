#include "coordinator/upkeep/key_kind.hpp"

#include "shared/base/strings.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace athanor::coordinator {
namespace {

constexpr std::string_view k_own = ".athanor/";
constexpr std::size_t k_printed_bytes = 1100;

bool is_artifact_name(std::string_view name) {
  return format_of_filename(name, PackageType::conda) ||
         format_of_filename(name, PackageType::pypi);
}

ClassifiedKey foreign(std::string why) {
  return {.kind = KeyKind::foreign, .why = std::move(why)};
}

ClassifiedKey misplaced(std::string why, bool harms_readers) {
  return {.kind = KeyKind::misplaced, .harms_readers = harms_readers, .why = std::move(why)};
}

ClassifiedKey classify_among_packages(const Layout& layout, std::string_view key) {
  if (auto package = layout.parse_artifact_key(key)) {
    return {.kind = KeyKind::package, .package = std::move(package)};
  }
  const auto parts = split(key.substr(layout.packages_root().size() + 1), '/');
  const auto type = package_type_from_string(parts.front());
  if (!type) {
    return foreign("the folder is of no package type that readers know");
  }
  if (parts.size() > 1 && parts[1] == "_transmut") {
    return foreign("it belongs to the layout of old readers (metaflow-lnk)");
  }
  if (parts.size() < 3) {
    return misplaced("no source's folder is around it", false);
  }
  const std::string_view folder = parts[parts.size() - 2];
  if (is_artifact_name(folder)) {
    return misplaced("a plain object stands where readers expect only folders", true);
  }
  if (is_object_hash(folder, *type)) {
    return misplaced("its name is not that of its slot", true);
  }
  const bool in_slot = parts.size() > 3 && is_artifact_name(parts[parts.size() - 3]);
  return in_slot ? misplaced("its folder is named by no hash", true)
                 : misplaced("it stands in no slot", false);
}

ClassifiedKey classify_among_environments(const Layout& layout, std::string_view key) {
  if (layout.parse_environment_key(key)) {
    return {.kind = KeyKind::environment};
  }
  const auto parts = split(key.substr(layout.environments_root().size() + 1), '/');
  if (parts.front() == "aliases" && parts.size() >= 3) {
    const bool full_id = parts[1] == "full-id" && parts.size() == 3;
    const bool generic = parts[1] == "generic" && parts.size() >= 4;
    const bool pathspec = parts[1] == "pathspec" && parts.size() == 5;
    if (full_id || generic || pathspec) {
      return {.kind = KeyKind::alias};
    }
  }
  return foreign("it is neither a description nor an alias");
}

struct Span {
  std::size_t from = 0;
  std::size_t size = 0;
  std::string_view what;
};

// Where a credential stands in the key.
std::optional<Span> find_secret(std::string_view key) {
  constexpr std::size_t k_token_bytes = 8;  // shorter ones are words
  for (std::size_t at = key.find("/t/"); at != std::string_view::npos; at = key.find("/t/", at)) {
    at += 3;
    const std::size_t end = std::min(key.find('/', at), key.size());
    if (end - at >= k_token_bytes && end < key.size()) {
      return Span{.from = at, .size = end - at, .what = "a token (/t/...)"};
    }
  }
  std::size_t from = 0;
  for (const std::string_view part : split(key, '/')) {
    const std::size_t sign = part.find('@');
    const std::size_t colon = part.find(':');
    if (sign != std::string_view::npos && colon < sign) {
      return Span{.from = from, .size = sign, .what = "user and password"};
    }
    from += part.size() + 1;
  }
  constexpr std::array k_parameters = {std::string_view("token="),
                                       std::string_view("access_token="),
                                       std::string_view("password="),
                                       std::string_view("api_key="),
                                       std::string_view("signature="),
                                       std::string_view("x-amz-signature="),
                                       std::string_view("x-amz-security-token="),
                                       std::string_view("?sig="),
                                       std::string_view("&sig=")};
  const std::string lower = to_lower(key);
  for (const std::string_view parameter : k_parameters) {
    const std::size_t at = lower.find(parameter);
    if (at != std::string::npos) {
      const std::size_t begin = at + parameter.size();
      const std::size_t end = std::min(lower.find_first_of("&/", begin), lower.size());
      return Span{.from = begin, .size = end - begin, .what = "a signed or secret parameter"};
    }
  }
  return std::nullopt;
}

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Of a wheel: "name-version-python-abi-PLATFORM.whl".
std::string wheel_platform(std::string_view filename) {
  const std::string_view stem = filename.substr(0, filename.size() - 4);
  const std::string_view tag = stem.substr(stem.rfind('-') + 1);
  const std::string cpu = holds(tag, "aarch64")  ? "aarch64"
                          : holds(tag, "arm64")  ? "arm64"
                          : holds(tag, "x86_64") ? "64"
                          : holds(tag, "amd64")  ? "64"
                                                 : "";
  if (tag == "any") {
    return "noarch";
  }
  if (holds(tag, "linux")) {
    return cpu.empty() ? "linux-other" : "linux-" + cpu;
  }
  if (holds(tag, "macosx")) {
    return cpu.empty() ? "osx-other" : "osx-" + cpu;
  }
  if (holds(tag, "win")) {
    return tag == "win32" ? "win-32" : cpu.empty() ? "win-other" : "win-" + cpu;
  }
  return "other";
}

}  // namespace

ClassifiedKey classify_key(const Layout& layout, std::string_view key) {
  if (key.starts_with(k_own)) {
    return {.kind = KeyKind::own};
  }
  if (key.starts_with(layout.packages_root() + "/")) {
    return classify_among_packages(layout, key);
  }
  if (key.starts_with(layout.environments_root() + "/")) {
    return classify_among_environments(layout, key);
  }
  return foreign("it stands outside the folders of packages and environments");
}

std::optional<std::string> secret_in_key(std::string_view key) {
  const auto found = find_secret(key);
  return found ? std::optional(std::string(found->what)) : std::nullopt;
}

std::string printable_key(std::string_view key) {
  std::string text(key);
  if (const auto found = find_secret(key)) {
    text.replace(found->from, found->size, "***");
  }
  return printable(text, k_printed_bytes);
}

std::string slot_of(const Layout& layout, const ArtifactKey& package) {
  std::string slot = layout.packages_root();
  for (const std::string_view part : {to_string(package.type), std::string_view(package.source),
                                      std::string_view(package.filename)}) {
    slot += '/';
    slot += part;
  }
  return slot + "/";
}

PackageOrigin origin_of(const ArtifactKey& package) {
  const auto parts = split(package.source, '/');
  PackageOrigin origin{.channel = std::string(parts.front()), .platform = "other"};
  if (package.type == PackageType::pypi) {
    origin.platform = package.format == Format::whl ? wheel_platform(package.filename) : "source";
    return origin;
  }
  if (parts.size() >= 3) {
    origin.platform = std::string(parts[parts.size() - 2]);
    const std::size_t tail = parts[parts.size() - 2].size() + parts.back().size() + 2;
    origin.channel = package.source.substr(0, package.source.size() - tail);
  }
  return origin;
}

}  // namespace athanor::coordinator
