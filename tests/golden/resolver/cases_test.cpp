#include "shared/conda/match_spec.hpp"
#include "shared/conda/version.hpp"
#include "shared/conda/version_spec.hpp"
#include "shared/json/json.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/test_data.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

// Versions and MatchSpecs as conda's own code, and the suites of other programs, judge them.
namespace athanor {
namespace {

using test::must;

std::vector<Json> cases(const std::string& kind) {
  const auto directory = test::test_data_dir();
  if (!directory) {
    return {};
  }
  std::vector<Json> documents;
  const std::string text = must(read_file(*directory / "cases" / (kind + ".jsonl"), 64_MiB));
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    documents.push_back(must(parse_json(std::string_view(text).substr(begin, end - begin))));
    begin = end + 1;
  }
  EXPECT_FALSE(documents.empty()) << kind;
  return documents;
}

std::string text(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

bool expected(const Json& object) {
  return object.find("expect")->as_bool().value();
}

class ResolverCases : public testing::Test {
 protected:
  void SetUp() override {
    const auto directory = test::test_data_dir();
    if (!directory || !std::filesystem::is_directory(*directory / "cases")) {
      GTEST_SKIP() << test::k_no_test_data;
    }
  }
};

TEST_F(ResolverCases, VersionsHaveCondasOrder) {
  for (const Json& row : cases("version_cmp")) {
    const Version a = must(Version::parse(text(row, "a")));
    const Version b = must(Version::parse(text(row, "b")));
    const int sign = a < b ? -1 : b < a ? 1 : 0;
    EXPECT_EQ(sign, row.find("expect")->as_int()) << a.text() << " against " << b.text();
  }
}

// [[[0], [3], [1, "a"]], []] of components and local, or the components alone.
std::vector<Version::Component> components_of(const Json& list) {
  std::vector<Version::Component> components;
  for (const Json& part : *list.as_array()) {
    Version::Component component;
    for (const Json& atom : *part.as_array()) {
      if (atom.is_number()) {
        component.push_back(
            {.kind = Version::AtomKind::number, .value = std::to_string(atom.as_uint().value())});
      } else if (*atom.as_string() == "post") {
        component.push_back({.kind = Version::AtomKind::post, .value = {}});
      } else {
        component.push_back({.kind = Version::AtomKind::text, .value = *atom.as_string()});
      }
    }
    components.push_back(std::move(component));
  }
  return components;
}

bool holds_local(const Json& expect) {
  const Json::Array& parts = *expect.as_array();
  return parts.size() == 2 && parts[0].size() > 0 && (*parts[0].as_array())[0].is_array();
}

TEST_F(ResolverCases, VersionsFallIntoCondasComponents) {
  for (const Json& row : cases("version_parse")) {
    const Version version = must(Version::parse(text(row, "v")));
    const Json& expect = *row.find("expect");
    const bool with_local = holds_local(expect);
    EXPECT_EQ(version.components(), components_of(with_local ? (*expect.as_array())[0] : expect))
        << version.text();
    if (with_local) {
      EXPECT_EQ(version.local(), components_of((*expect.as_array())[1])) << version.text();
    }
  }
}

TEST_F(ResolverCases, PrefixesAreCondas) {
  for (const Json& row : cases("version_startswith")) {
    const Version version = must(Version::parse(text(row, "v")));
    EXPECT_EQ(version.starts_with(must(Version::parse(text(row, "prefix")))), expected(row))
        << text(row, "v") << " starts with " << text(row, "prefix");
  }
}

TEST_F(ResolverCases, WhatIsNoVersionIsRefused) {
  for (const Json& row : cases("version_error")) {
    EXPECT_FALSE(Version::parse(text(row, "v")).ok()) << text(row, "v");
  }
}

TEST_F(ResolverCases, VersionRequirementsMatchAsInConda) {
  for (const Json& row : cases("version_match")) {
    const Result<VersionSpec> spec = VersionSpec::parse(text(row, "spec"));
    const bool matched = spec.ok() && spec->matches(must(Version::parse(text(row, "version"))));
    EXPECT_EQ(matched, expected(row)) << text(row, "spec") << " on " << text(row, "version");
  }
}

TEST_F(ResolverCases, WhatIsNoVersionRequirementIsRefused) {
  for (const Json& row : cases("version_spec_error")) {
    EXPECT_FALSE(VersionSpec::parse(text(row, "spec")).ok()) << text(row, "spec");
  }
}

PackageRecord record_of(const Json& object) {
  PackageRecord record;
  record.name = text(object, "name");
  record.version = text(object, "version");
  record.build = text(object, "build");
  record.build_number = object.find("build_number")->as_uint().value();
  record.subdir = text(object, "subdir");
  record.license = text(object, "license");
  record.license_family = text(object, "license_family");
  record.digest.md5 = Md5::from_hex(text(object, "md5"));
  return record;
}

TEST_F(ResolverCases, MatchSpecsMatchAsInConda) {
  for (const Json& row : cases("matchspec_match")) {
    const MatchSpec spec = must(MatchSpec::parse(text(row, "spec")));
    EXPECT_EQ(spec.matches(record_of(*row.find("record"))), expected(row))
        << text(row, "spec") << " on " << dump_json(*row.find("record"));
  }
}

TEST_F(ResolverCases, MatchSpecsAreSpelledAsInConda) {
  for (const Json& row : cases("matchspec_canonical")) {
    EXPECT_EQ(must(MatchSpec::parse(text(row, "spec"))).canonical(), text(row, "expect"))
        << text(row, "spec");
  }
}

TEST_F(ResolverCases, WhatIsNoMatchSpecIsRefused) {
  for (const Json& row : cases("matchspec_error")) {
    EXPECT_FALSE(MatchSpec::parse(text(row, "spec")).ok()) << text(row, "spec");
  }
}

}  // namespace
}  // namespace athanor
