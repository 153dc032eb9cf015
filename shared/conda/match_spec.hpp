#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/package_record.hpp"
#include "shared/conda/pattern.hpp"
#include "shared/conda/version_spec.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A MatchSpec: what people and packages write to ask for a package, "conda-forge::numpy >=1.7
// py3*", "numpy[version='>=1.7', build=py3*]". Read and meant as conda does it. Immutable value.
class MatchSpec {
 public:
  // invalid: no name or one that no package can have, a bracket that isn't key=value, a version
  // that isn't a requirement, a build between '^' and '$' that is no regular expression.
  static Result<MatchSpec> parse(std::string_view text);

  const std::string& name() const { return name_; }  // lower case; may be a glob: "py*", "*"
  bool name_is_exact() const;
  const VersionSpec& version() const { return version_; }
  const std::string& build() const { return build_; }      // a glob or ^regex$; empty: any
  const std::string& channel() const { return channel_; }  // a name or URL; empty: any
  const std::string& subdir() const { return subdir_; }    // empty: any
  // What else stands in brackets: build_number, md5, sha256, fn, url, license, license_family,
  // track_features.
  const std::map<std::string, std::string>& other() const { return other_; }

  // Whether the record fulfils everything. A record whose version can't be parsed fulfils no spec
  // that asks for a version.
  bool matches(const PackageRecord& record) const;

  // As conda spells it: "conda-forge/linux-64::python==3.9[build_number=0]".
  std::string canonical() const;

 private:
  Result<void> parse_brackets(std::string_view inside, std::string_view whole);
  Result<void> parse_version_and_build(std::string_view text, std::string_view whole);
  Result<void> set(std::string key, std::string value);
  void set_channel(std::string_view text);
  bool build_matches(const std::string& build) const;

  std::string name_;
  VersionSpec version_;
  std::string build_;
  std::optional<Pattern> build_pattern_;  // if build_ is a regular expression
  std::string channel_;
  std::string subdir_;
  std::map<std::string, std::string> other_;
};

}  // namespace athanor
