#include "shared/conda/match_spec.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/glob.hpp"
#include "shared/conda/platform.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace athanor {
namespace {

constexpr std::array<std::string_view, 8> k_other_keys = {
    "build_number", "md5", "sha256", "fn", "url", "license", "license_family", "track_features"};

Error invalid_match_spec(std::string_view text, std::string_view why) {
  return make_error(
      ErrorKind::invalid,
      "'" + printable(text, 200) + "' is not a package requirement: " + std::string(why),
      "Write it as 'name', 'name >=1.2,<2' or 'channel::name==1.2=build'");
}

// Package names, and globs over them: no dot at either end, none after another.
bool is_name(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.front() == '-' || text.back() == '.' ||
      text.find("..") != std::string_view::npos) {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
           c == '*';
  });
}

bool has_any(std::string_view text, std::string_view characters) {
  return text.find_first_of(characters) != std::string_view::npos;
}

// "mkl,openssl" or "mkl openssl": a set.
std::vector<std::string> feature_set(std::string text) {
  std::replace(text.begin(), text.end(), ',', ' ');
  std::vector<std::string> features;
  for (const std::string_view part : split(text, ' ')) {
    if (!part.empty()) {
      features.emplace_back(part);
    }
  }
  std::sort(features.begin(), features.end());
  return features;
}

// "<=2", "7": a relation over build numbers is a version requirement over them.
bool build_number_matches(const std::string& text, std::uint64_t number) {
  const Result<VersionSpec> spec = VersionSpec::parse(text);
  const Result<Version> version = Version::parse(std::to_string(number));
  return spec.ok() && version.ok() && spec->matches(*version);
}

// A channel is named by its URL, by the end of it ("conda-forge"), or by URL and subdir.
bool channel_matches(const std::string& wanted, const std::string& channel) {
  return wanted == channel || channel.ends_with("/" + wanted);
}

bool other_matches(const std::string& key, const std::string& value, const PackageRecord& record) {
  if (key == "build_number") {
    return build_number_matches(value, record.build_number);
  }
  if (key == "md5") {
    return record.digest.md5 && record.digest.md5->hex() == to_lower(value);
  }
  if (key == "sha256") {
    return record.digest.sha256 && record.digest.sha256->hex() == to_lower(value);
  }
  if (key == "license") {
    return glob_matches(to_lower(value), to_lower(record.license));
  }
  if (key == "license_family") {
    return glob_matches(to_lower(value), to_lower(record.license_family));
  }
  if (key == "track_features") {
    std::vector<std::string> features = record.track_features;
    std::sort(features.begin(), features.end());
    return features == feature_set(value);
  }
  return key == "fn" ? record.filename == value : record.url == value;
}

// Where the build begins in "1.2 py37_0" or "1.2=py37_0": after the first blank or "=" that doesn't
// belong to an operator and has nothing behind it that only a version could hold. npos: no build.
std::size_t find_build(std::string_view text) {
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    const bool separator = text[i] == ' ' || text[i] == '=';
    if (separator && !has_any(text.substr(i - 1, 1), "=!|,<>~") &&
        !has_any(text.substr(i + 1), "-=,|<>~")) {
      return i;
    }
  }
  return std::string_view::npos;
}

// What follows the name may begin with "=": "=1.2" means 1.2.*, "==1.2" exactly 1.2.
std::string translate_equals(std::string version, bool has_build) {
  if (!version.starts_with('=') || version == "==") {
    return version;
  }
  if (version.starts_with("==") && !has_build) {
    return version.substr(2);
  }
  const std::string rest = version.substr(1);
  if (rest.empty() || has_any(rest, "=,|")) {
    return version;
  }
  return has_build || rest.ends_with('*') ? rest : rest + "*";
}

}  // namespace

Result<MatchSpec> MatchSpec::parse(std::string_view text) {
  const std::string_view whole = text;
  if (text.size() > limits::k_url_bytes || !is_utf8(text)) {
    return invalid_match_spec(text, "it is too long or not UTF-8");
  }
  MatchSpec spec;
  text = trim(text.substr(0, text.find('#')));
  std::string_view brackets;
  if (const std::size_t open = text.find('['); open != std::string_view::npos) {
    if (!text.ends_with(']')) {
      return invalid_match_spec(whole, "the '[' has no ']' at the end");
    }
    brackets = text.substr(open + 1, text.size() - open - 2);
    text = trim(text.substr(0, open));
  }
  if (const std::size_t colons = text.rfind("::"); colons != std::string_view::npos) {
    spec.set_channel(trim(text.substr(0, colons)));
    text = trim(text.substr(colons + 2));
  }
  const std::size_t name_end = std::min(text.find_first_of(" =<>!~"), text.size());
  spec.name_ = to_lower(text.substr(0, name_end));
  if (!is_name(spec.name_)) {
    return invalid_match_spec(whole, "it doesn't begin with a package's name");
  }
  ATHANOR_TRY(spec.parse_version_and_build(trim(text.substr(name_end)), whole));
  ATHANOR_TRY(spec.parse_brackets(brackets, whole));
  if (Pattern::is_meant(spec.build_)) {
    Result<Pattern> pattern = Pattern::compile(spec.build_);
    if (!pattern) {
      return invalid_match_spec(whole, pattern.error().message);
    }
    spec.build_pattern_ = std::move(pattern).value();
  }
  return spec;
}

Result<void> MatchSpec::parse_version_and_build(std::string_view text, std::string_view whole) {
  if (text.empty()) {
    return {};
  }
  const std::size_t separator = find_build(text);
  const bool has_build = separator != std::string_view::npos;
  if (has_build) {
    build_ = trim(text.substr(separator + 1));
    if (build_ == "*") {
      build_.clear();
    }
  }
  std::string version(text.substr(0, separator));
  version.erase(std::remove(version.begin(), version.end(), ' '), version.end());
  Result<VersionSpec> parsed = VersionSpec::parse(translate_equals(std::move(version), has_build));
  if (!parsed) {
    return invalid_match_spec(whole, parsed.error().message);
  }
  version_ = std::move(parsed).value();
  return {};
}

Result<void> MatchSpec::parse_brackets(std::string_view inside, std::string_view whole) {
  while (!(inside = trim(inside)).empty()) {
    const std::size_t equals = inside.find('=');
    if (equals == std::string_view::npos) {
      return invalid_match_spec(whole, "what stands in brackets must be key=value");
    }
    std::string key = to_lower(trim(inside.substr(0, equals)));
    inside = trim(inside.substr(equals + 1));
    std::string_view value;
    if (!inside.empty() && (inside.front() == '\'' || inside.front() == '"')) {
      const std::size_t end = inside.find(inside.front(), 1);
      if (end == std::string_view::npos) {
        return invalid_match_spec(whole, "a quote in brackets isn't closed");
      }
      value = inside.substr(1, end - 1);
      inside = trim(inside.substr(end + 1));
      inside.remove_prefix(inside.starts_with(',') ? 1 : 0);
    } else {
      const std::size_t end = std::min(inside.find_first_of(", "), inside.size());
      value = inside.substr(0, end);
      inside.remove_prefix(std::min(end + 1, inside.size()));
    }
    if (key.empty() || value.empty()) {
      return invalid_match_spec(whole, "what stands in brackets must be key=value");
    }
    if (Result<void> result = set(std::move(key), std::string(value)); !result) {
      return invalid_match_spec(whole, result.error().message);
    }
  }
  return {};
}

Result<void> MatchSpec::set(std::string key, std::string value) {
  if (key == "version") {
    ATHANOR_ASSIGN(version_, VersionSpec::parse(value));
  } else if (key == "build") {
    build_ = value == "*" ? "" : std::move(value);
  } else if (key == "channel") {
    set_channel(value);
  } else if (key == "subdir") {
    subdir_ = std::move(value);
  } else if (key == "name") {
    name_ = to_lower(value);
    if (!is_name(name_)) {
      return make_error(ErrorKind::invalid, "the name in brackets is none");
    }
  } else if (std::find(k_other_keys.begin(), k_other_keys.end(), key) != k_other_keys.end()) {
    other_[std::move(key)] = std::move(value);
  } else {
    return make_error(ErrorKind::invalid,
                      "'" + printable(key, 60) + "' is no key that packages have");
  }
  return {};
}

void MatchSpec::set_channel(std::string_view text) {
  const std::size_t slash = text.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? text : text.substr(slash + 1);
  if (slash != std::string_view::npos && (is_known_platform(last) || last == "noarch")) {
    subdir_ = last;
    text = text.substr(0, slash);
  }
  channel_ = text == "*" ? std::string() : std::string(text);
}

bool MatchSpec::name_is_exact() const {
  return name_.find('*') == std::string::npos;
}

bool MatchSpec::build_matches(const std::string& build) const {
  return build_pattern_ ? build_pattern_->matches(build) : glob_matches(build_, build);
}

bool MatchSpec::matches(const PackageRecord& record) const {
  if (!glob_matches(name_, record.name) || (!subdir_.empty() && subdir_ != record.subdir) ||
      (!channel_.empty() && !channel_matches(channel_, record.channel)) ||
      (!build_.empty() && !build_matches(record.build))) {
    return false;
  }
  if (!version_.matches_everything()) {
    const Result<Version> version = Version::parse(record.version);
    if (!version || !version_.matches(*version)) {
      return false;
    }
  }
  return std::all_of(other_.begin(), other_.end(), [&](const auto& entry) {
    return other_matches(entry.first, entry.second, record);
  });
}

std::string MatchSpec::canonical() const {
  std::string text = channel_;
  std::vector<std::string> brackets;
  if (!subdir_.empty()) {
    if (channel_.empty()) {
      brackets.push_back("subdir=" + subdir_);
    } else {
      text += "/" + subdir_;
    }
  }
  text += text.empty() ? name_ : "::" + name_;
  bool exact = false;
  const std::string& version = version_.text();
  if (version_.matches_everything()) {
  } else if (has_any(version, "><$^|,") ||
             (!build_.empty() && (version.starts_with("!=") || version.starts_with("~=")))) {
    brackets.push_back("version='" + version + "'");
  } else if (version.starts_with("!=") || version.starts_with("~=")) {
    text += version;
  } else if (version.ends_with('*')) {
    text += "=" + version.substr(0, version.size() - (version.ends_with(".*") ? 2 : 1));
  } else {
    text += version.starts_with("==") ? version : "==" + version;
    exact = true;
  }
  if (!build_.empty()) {
    if (has_any(build_, "><$^|,")) {
      brackets.push_back("build='" + build_ + "'");
    } else if (exact && build_.find('*') == std::string::npos) {
      text += "=" + build_;
    } else {
      brackets.push_back("build=" + build_);
    }
  }
  for (const auto& [key, value] : other_) {
    brackets.push_back(has_any(value, ", =") ? key + "='" + value + "'" : key + "=" + value);
  }
  return brackets.empty() ? text : text + "[" + join(brackets, ",") + "]";
}

}  // namespace athanor
