#pragma once

#include "coordinator/intake/input_text.hpp"
#include "coordinator/intake/intake.hpp"
#include "coordinator/intake/request.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace athanor::coordinator {

// One package as an input spells it.
struct SpelledReference {
  PackageType type = PackageType::conda;
  std::string text;  // a URL as a rule
  std::size_t line = 0;
};

using Reference = std::variant<PackageReference, SkippedReference>;

// Turns what one input spells into references, by the same rules for every format: what is a
// package, what is skipped and why, what is refused. Collects warnings. Not thread-safe.
class ReferenceReader {
 public:
  ReferenceReader(const InputText& input, FileUrls file_urls)
      : input_(input),
        file_urls_(file_urls) {}

  // Refused (with file and line): what is no URL of a package though it claims to be one, schemes
  // other than http and https, file URLs unless allowed, more references than
  // limits::k_input_references.
  Result<Reference> read(const SpelledReference& spelled, const ExpectedDigest& expected);

  // A hash in hexadecimal. One that isn't (a real file has one cut off by a merge) is reported as a
  // warning and taken as unknown: the package's bytes then give it.
  void read_md5(std::string_view text, std::size_t line, ExpectedDigest& expected);
  void read_sha256(std::string_view text, std::size_t line, ExpectedDigest& expected);
  // The fragment of a URL, if it is a hash in one of the usual spellings: bare md5 or sha256
  // digits, or with "md5:", "md5=", "sha256:", "sha256=" in front.
  void read_fragment(std::string_view url, std::size_t line, ExpectedDigest& expected);

  // Whole sentences, each with file and line; at most a few per kind.
  std::vector<std::string> take_warnings();

 private:
  Result<Reference> skip(const SpelledReference& spelled, SkipReason reason) const;
  Result<Reference> read_url(const SpelledReference& spelled, std::string_view url,
                             const ExpectedDigest& expected) const;
  void warn_about_hash(std::string_view algorithm, std::string_view text, std::size_t line);

  const InputText& input_;
  FileUrls file_urls_;
  std::size_t count_ = 0;
  std::size_t bad_hashes_ = 0;
  std::vector<std::string> warnings_;
};

// Puts references into one environment, each artifact once.
class EnvironmentBuilder {
 public:
  explicit EnvironmentBuilder(EnvironmentRequest request)
      : request_(std::move(request)) {}

  void add(Reference reference);
  EnvironmentRequest take() && { return std::move(request_); }

 private:
  EnvironmentRequest request_;
  std::unordered_set<std::string> seen_;
};

// Whether the last segment of the path ends as an artifact of that type does.
bool names_artifact(std::string_view url, PackageType type);

// The platform, if conda knows it; an error with file and line, and the nearest name, otherwise.
Result<std::string> read_platform(const InputText& input, std::string_view name, std::size_t line);

// The platform that packages are for: the only subdir among them that is not "noarch". Empty if
// there is none or several.
std::string platform_of(const std::vector<PackageReference>& packages);

// A channel as ids spell it: its name if it is on conda.anaconda.org ("conda-forge"), else its URL
// without credentials and without a final slash. Names stay as they are.
std::string spell_channel(std::string_view channel);

// The channels that conda packages come from, spelled, in order of appearance.
std::vector<std::string> channels_of(const std::vector<PackageReference>& packages);

// Where nothing else is known, the requirement is what is there, exactly.
SpecsByCategory exact_deps(const std::vector<PackageReference>& packages);

}  // namespace athanor::coordinator
