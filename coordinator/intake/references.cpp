#include "coordinator/intake/references.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/platform.hpp"
#include "shared/net/url.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_hash_warnings = 5;

// The scheme of a URL in lower case; empty if the text has none.
std::string scheme_of(std::string_view text) {
  const std::size_t end = text.find("://");
  return end == std::string_view::npos ? std::string() : to_lower(text.substr(0, end));
}

std::string_view without_fragment(std::string_view url) {
  return url.substr(0, url.find('#'));
}

bool is_virtual(const SourceUrl& source) {
  return source.type() == PackageType::conda && source.stem().starts_with("__");
}

// name and version of a wheel ("name-version-…") or source archive ("name-version").
std::pair<std::string, std::string> pypi_name_and_version(const SourceUrl& source) {
  const std::string& stem = source.stem();
  const std::size_t dash = source.format() == Format::whl ? stem.find('-') : stem.rfind('-');
  if (dash == std::string::npos) {
    return {stem, {}};
  }
  const std::size_t end =
      source.format() == Format::whl ? stem.find('-', dash + 1) : std::string::npos;
  return {stem.substr(0, dash),
          stem.substr(dash + 1, end == std::string::npos ? end : end - dash - 1)};
}

// The folder on conda.anaconda.org without a token: "conda-forge/label/dev".
std::string without_token(std::string_view path) {
  if (path.starts_with("/t/")) {
    const std::size_t end = path.find('/', 3);
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  }
  return std::string(path);
}

}  // namespace

Result<Reference> ReferenceReader::skip(const SpelledReference& spelled, SkipReason reason) const {
  return Reference(SkippedReference{.type = spelled.type,
                                    .text = printable(redact_url(spelled.text), 300),
                                    .reason = reason,
                                    .position = {.file = input_.name, .line = spelled.line}});
}

Result<Reference> ReferenceReader::read_url(const SpelledReference& spelled, std::string_view url,
                                            const ExpectedDigest& expected) const {
  const std::string scheme = scheme_of(url);
  if (scheme != "http" && scheme != "https" && scheme != "file") {
    return input_.error(spelled.line, "'" + printable(redact_url(url), 300) +
                                          "': packages are read from https, http and file URLs");
  }
  auto source = SourceUrl::parse(url, spelled.type);
  if (!source) {
    return input_.at_line(spelled.line, std::move(source).error());
  }
  if (is_virtual(*source)) {
    return skip(spelled, SkipReason::virtual_package);
  }
  if (scheme == "file" && file_urls_ == FileUrls::refuse) {
    return input_.at_line(
        spelled.line,
        make_error(ErrorKind::rejected,
                   "'" + source->text() + "' is a local file, and inputs may not name any",
                   "if you trust this input: --allow-file-urls"));
  }
  return Reference(PackageReference{.source = std::move(*source),
                                    .expected = expected,
                                    .position = {.file = input_.name, .line = spelled.line}});
}

Result<Reference> ReferenceReader::read(const SpelledReference& spelled,
                                        const ExpectedDigest& expected) {
  if (++count_ > limits::k_input_references) {
    return input_.error(spelled.line, "more than " + std::to_string(limits::k_input_references) +
                                          " packages in one input");
  }
  std::string_view url = spelled.text;
  if (url.starts_with("direct+")) {
    url.remove_prefix(7);
  }
  const std::string scheme = scheme_of(url);
  if (scheme.empty() || scheme.find('+') != std::string::npos) {
    // A path beside the lock file, or "git+https://…".
    return skip(spelled, spelled.type == PackageType::conda ? SkipReason::source_package
                                                            : SkipReason::local_or_vcs);
  }
  if (spelled.type == PackageType::pypi && !names_artifact(url, PackageType::pypi)) {
    return skip(spelled, SkipReason::local_or_vcs);
  }
  return read_url(spelled, url, expected);
}

void ReferenceReader::warn_about_hash(std::string_view algorithm, std::string_view text,
                                      std::size_t line) {
  if (++bad_hashes_ <= k_hash_warnings) {
    warnings_.push_back(input_
                            .error(line, "'" + printable(text, 80) + "' is not " +
                                             std::string(algorithm) +
                                             "; the package is taken as having none")
                            .message);
  }
}

void ReferenceReader::read_md5(std::string_view text, std::size_t line, ExpectedDigest& expected) {
  if (const auto md5 = Md5::from_hex(text)) {
    expected.md5 = md5;
  } else if (!text.empty()) {
    warn_about_hash("an MD5 (32 hexadecimal digits)", text, line);
  }
}

void ReferenceReader::read_sha256(std::string_view text, std::size_t line,
                                  ExpectedDigest& expected) {
  if (const auto sha256 = Sha256::from_hex(text)) {
    expected.sha256 = sha256;
  } else if (!text.empty()) {
    warn_about_hash("a SHA-256 (64 hexadecimal digits)", text, line);
  }
}

void ReferenceReader::read_fragment(std::string_view url, std::size_t line,
                                    ExpectedDigest& expected) {
  const std::size_t hash = url.find('#');
  if (hash == std::string_view::npos || hash + 1 == url.size()) {
    return;
  }
  const std::string_view fragment = url.substr(hash + 1);
  for (const std::string_view prefix : {"sha256:", "sha256="}) {
    if (fragment.starts_with(prefix)) {
      read_sha256(fragment.substr(prefix.size()), line, expected);
      return;
    }
  }
  for (const std::string_view prefix : {"md5:", "md5="}) {
    if (fragment.starts_with(prefix)) {
      read_md5(fragment.substr(prefix.size()), line, expected);
      return;
    }
  }
  if (fragment.size() == 64) {
    read_sha256(fragment, line, expected);
  } else {
    read_md5(fragment, line, expected);
  }
}

std::vector<std::string> ReferenceReader::take_warnings() {
  if (bad_hashes_ > k_hash_warnings) {
    warnings_.push_back(input_
                            .error(0, "and " + std::to_string(bad_hashes_ - k_hash_warnings) +
                                          " more hashes that are none")
                            .message);
  }
  bad_hashes_ = 0;
  return std::move(warnings_);
}

void EnvironmentBuilder::add(Reference reference) {
  if (auto* skipped = std::get_if<SkippedReference>(&reference)) {
    request_.skipped.push_back(std::move(*skipped));
    return;
  }
  auto& package = std::get<PackageReference>(reference);
  if (seen_.insert(package.source.text()).second) {
    request_.packages.push_back(std::move(package));
    return;
  }
  request_.skipped.push_back(SkippedReference{.type = package.source.type(),
                                              .text = package.source.text(),
                                              .reason = SkipReason::duplicate,
                                              .position = std::move(package.position)});
}

bool names_artifact(std::string_view url, PackageType type) {
  url = without_fragment(url);
  url = url.substr(0, url.find('?'));
  const std::size_t slash = url.rfind('/');
  return format_of_filename(slash == std::string_view::npos ? url : url.substr(slash + 1), type)
      .has_value();
}

Result<std::string> read_platform(const InputText& input, std::string_view name, std::size_t line) {
  if (is_known_platform(name)) {
    return std::string(name);
  }
  const std::vector<std::string> candidates(known_platforms().begin(), known_platforms().end());
  const auto near = closest(name, candidates);
  return input.error(line, "'" + printable(name, 80) + "' is not a platform that conda knows",
                     near ? "did you mean " + *near + "?" : std::string());
}

std::string platform_of(const std::vector<PackageReference>& packages) {
  std::string platform;
  for (const PackageReference& package : packages) {
    const std::string subdir = package.source.subdir();
    if (!is_known_platform(subdir)) {
      continue;
    }
    if (platform.empty()) {
      platform = subdir;
    } else if (platform != subdir) {
      return {};
    }
  }
  return platform;
}

std::string spell_channel(std::string_view channel) {
  channel = trim(channel);
  const auto url = Url::parse(channel);
  if (!url) {
    // A name. It may still hold a credential if it is a URL that can't be parsed.
    return redact_url(channel);
  }
  std::string path = without_token(url->path);
  while (!path.empty() && path.back() == '/') {
    path.pop_back();
  }
  if (url->host == "conda.anaconda.org" && path.size() > 1) {
    return path.substr(1);
  }
  return url->scheme + "://" + url->netloc() + path;
}

std::vector<std::string> channels_of(const std::vector<PackageReference>& packages) {
  std::vector<std::string> channels;
  std::unordered_set<std::string> seen;
  for (const PackageReference& package : packages) {
    if (package.source.type() != PackageType::conda) {
      continue;
    }
    const std::string channel = package.source.channel();
    if (!channel.empty() && seen.insert(channel).second) {
      channels.push_back(spell_channel(channel));
    }
  }
  return channels;
}

SpecsByCategory exact_deps(const std::vector<PackageReference>& packages) {
  SpecsByCategory deps;
  for (const PackageReference& package : packages) {
    if (package.source.type() == PackageType::conda) {
      const auto name = ArtifactName::parse(package.source.stem());
      deps["conda"].push_back(name ? name->name + "==" + name->version + "=" + name->build
                                   : package.source.stem());
    } else {
      const auto [name, version] = pypi_name_and_version(package.source);
      deps["pypi"].push_back(version.empty() ? name : name + "==" + version);
    }
  }
  return deps;
}

}  // namespace athanor::coordinator
