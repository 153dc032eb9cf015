#include "coordinator/intake/intake.hpp"
#include "tests/support/results.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

using test::must;

constexpr const char* k_md5 = "0123456789abcdef0123456789abcdef";
constexpr const char* k_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

IntakeResult read(const std::string& text, const IntakeOptions& options = {}) {
  return must(read_input_text("input", text, options));
}

std::vector<std::string> stems(const EnvironmentRequest& environment) {
  std::vector<std::string> names;
  for (const PackageReference& package : environment.packages) {
    names.push_back(package.source.stem());
  }
  return names;
}

using Names = std::vector<std::string>;

const std::string k_conda_lock = R"(# Generated
version: 1
metadata:
  content_hash: {linux-64: abc}
  channels:
  - url: conda-forge
    used_env_vars: []
  - url: https://repo.prefix.dev/private/
  platforms: [linux-64, osx-arm64]
  sources: [environment.yml]
package:
- name: zlib
  version: 1.2.11
  manager: conda
  platform: linux-64
  dependencies: {libgcc-ng: '>=9'}
  url: https://conda.anaconda.org/conda-forge/linux-64/zlib-1.2.11-h0_0.conda
  hash:
    md5: 0123456789abcdef0123456789abcdef
    sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  category: main
- name: zlib
  manager: conda
  platform: osx-arm64
  url: https://conda.anaconda.org/conda-forge/osx-arm64/zlib-1.2.11-h1_0.tar.bz2
  hash: {md5: 0123456789abcdef0123456789abcdef}
- name: black
  manager: pip
  platform: linux-64
  url: https://files.example/black-22.0-py3-none-any.whl
  hash: {sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
  category: dev
)";

TEST(CondaLock, HasOneEnvironmentPerCategoryAndPlatform) {
  const IntakeResult result = read(k_conda_lock);
  ASSERT_EQ(result.environments.size(), 4U);
  const EnvironmentRequest& linux_main = result.environments[0];
  EXPECT_EQ(linux_main.name, "main");
  EXPECT_EQ(linux_main.platform, "linux-64");
  EXPECT_EQ(stems(linux_main), Names{"zlib-1.2.11-h0_0"});
  EXPECT_EQ(linux_main.packages[0].expected.md5, Md5::from_hex(k_md5));
  EXPECT_EQ(linux_main.packages[0].expected.sha256, Sha256::from_hex(k_sha256));
  EXPECT_EQ(linux_main.packages[0].position.line, 12U);
  EXPECT_EQ(result.environments[1].platform, "osx-arm64");
  // The two platforms of one environment were resolved together.
  EXPECT_FALSE(linux_main.coresolve_group.empty());
  EXPECT_EQ(linux_main.coresolve_group, result.environments[1].coresolve_group);
  // A category is installed on top of main.
  EXPECT_EQ(result.environments[2].name, "dev");
  EXPECT_EQ(stems(result.environments[2]), (Names{"zlib-1.2.11-h0_0", "black-22.0-py3-none-any"}));
  EXPECT_EQ(result.environments[2].packages[1].source.type(), PackageType::pypi);
  EXPECT_EQ(stems(result.environments[3]), Names{"zlib-1.2.11-h1_0"});
}

TEST(CondaLock, PackagesFollowWhatTheyDependOn) {
  const std::string begin = "- manager: conda\n  platform: linux-64\n  url: https://c.example/x/";
  const IntakeResult result =
      read("version: 1\npackage:\n" + begin + "linux-64/a-1-0.conda\n  dependencies: {z: '>=1'}\n" +
           begin + "noarch/z-1-0.conda\n  dependencies: {}\n");
  EXPECT_EQ(stems(result.environments.at(0)), (Names{"z-1-0", "a-1-0"}));
}

TEST(CondaLock, WithoutAManifestTheRequirementIsTheExactSet) {
  const IntakeResult result = read(k_conda_lock);
  const EnvironmentRequest& dev = result.environments[2];
  EXPECT_EQ(dev.requirement_origin, RequirementOrigin::exact_set);
  EXPECT_EQ(dev.requirements.deps.at("conda"), Names{"zlib==1.2.11=h0_0"});
  EXPECT_EQ(dev.requirements.deps.at("pypi"), Names{"black==22.0"});
  EXPECT_EQ(dev.requirements.sources.at("conda"),
            (Names{"conda-forge", "https://repo.prefix.dev/private"}));
}

const std::string k_pixi_6 = R"(version: 6
environments:
  default:
    channels:
    - url: https://conda.anaconda.org/conda-forge/
    indexes:
    - https://pypi.org/simple
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/noarch/tzdata-2025c-h0_1.conda
      - pypi: https://files.example/black-22.0.tar.gz
      - pypi: ./here
      osx-64:
      - conda: https://conda.anaconda.org/conda-forge/noarch/tzdata-2025c-h0_1.conda
  test:
    channels:
    - url: conda-forge
    packages:
      linux-64:
      - conda: child-package
packages:
- conda: https://conda.anaconda.org/conda-forge/noarch/tzdata-2025c-h0_1.conda
  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  md5: 0123456789abcdef0123456789abcdef
  size: 1234
- pypi: https://files.example/black-22.0.tar.gz
  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
)";

TEST(PixiLock, ReferencesGetTheDigestsOfTheirDefinitions) {
  const IntakeResult result = read(k_pixi_6);
  ASSERT_EQ(result.environments.size(), 3U);
  const EnvironmentRequest& first = result.environments[0];
  ASSERT_EQ(stems(first), (Names{"tzdata-2025c-h0_1", "black-22.0"}));
  EXPECT_EQ(first.packages[0].expected.size, 1234U);
  EXPECT_EQ(first.packages[0].expected.md5, Md5::from_hex(k_md5));
  EXPECT_EQ(first.packages[1].expected.sha256, Sha256::from_hex(k_sha256));
  EXPECT_EQ(first.packages[0].position.line, 10U);
  EXPECT_EQ(first.requirements.sources.at("conda"), Names{"conda-forge"});
  EXPECT_EQ(first.requirements.sources.at("pypi"), Names{"https://pypi.org/simple"});
  EXPECT_EQ(first.coresolve_group, result.environments[1].coresolve_group);
  EXPECT_EQ(result.environments[2].coresolve_group, "");
}

TEST(PixiLock, PackagesFollowWhatTheyDependOn) {
  std::string text =
      "version: 6\nenvironments:\n  default:\n    channels: [{url: conda-forge}]\n    packages:\n"
      "      linux-64:\n      - pypi: https://f.example/a-1-py3-none-any.whl\n";
  std::string definitions = "packages:\n";
  const std::pair<const char*, const char*> packages[] = {
      {"a", "[python >=3, z]"}, {"m", "[n]"}, {"n", "['conda-forge::m >1', absent]"},
      {"python", "[z]"},        {"z", "[]"},
  };
  for (const auto& [name, depends] : packages) {
    const std::string url =
        std::string("conda: https://c.example/x/linux-64/") + name + "-1-0.conda\n";
    text += "      - " + url;
    definitions += "- " + url + "  depends: " + depends + "\n";
  }
  // m and n depend on each other.
  EXPECT_EQ(stems(read(text + definitions).environments.at(0)),
            (Names{"z-1-0", "python-1-0", "a-1-0", "n-1-0", "m-1-0", "a-1-py3-none-any"}));
}

TEST(PixiLock, WhatIsNoArtifactIsSkippedWithItsReason) {
  const IntakeResult result = read(k_pixi_6);
  ASSERT_EQ(result.environments[0].skipped.size(), 1U);
  EXPECT_EQ(result.environments[0].skipped[0].reason, SkipReason::local_or_vcs);
  EXPECT_FALSE(result.environments[0].is_whole());
  EXPECT_TRUE(result.environments[1].is_whole());
  ASSERT_EQ(result.environments[2].skipped.size(), 1U);
  EXPECT_EQ(result.environments[2].skipped[0].reason, SkipReason::source_package);
  EXPECT_EQ(result.warnings.size(), 2U);
}

TEST(PixiLock, LostIndentationIsRestored) {
  std::string flat;
  for (std::size_t at = 0; at < k_pixi_6.size();) {
    at = k_pixi_6.find_first_not_of(' ', at);
    const std::size_t end = k_pixi_6.find('\n', at) + 1;
    flat += k_pixi_6.substr(at, end - at);
    at = end;
  }
  const IntakeResult restored = read(flat);
  const IntakeResult whole = read(k_pixi_6);
  ASSERT_EQ(restored.environments.size(), whole.environments.size());
  for (std::size_t i = 0; i < whole.environments.size(); ++i) {
    EXPECT_EQ(stems(restored.environments[i]), stems(whole.environments[i]));
    EXPECT_EQ(restored.environments[i].platform, whole.environments[i].platform);
    EXPECT_EQ(restored.environments[i].position.line, whole.environments[i].position.line);
  }
  EXPECT_EQ(restored.environments[0].packages[0].expected.md5, Md5::from_hex(k_md5));
}

TEST(PixiLock, Version7SaysThePlatformElsewhere) {
  const IntakeResult result = read(R"(version: 7
platforms:
- name: linux-64
- name: gpu box
  subdir: linux-64
  virtual-packages: [__cuda=12]
- name: laptop
  subdir: osx-arm64
environments:
  default:
    channels: [{url: conda-forge}]
    packages:
      gpu box:
      - conda: https://conda.anaconda.org/conda-forge/noarch/a-1-0.conda
      linux-64:
      - conda_source: "mine[12345678] @ ."
      laptop:
      - conda: https://conda.anaconda.org/conda-forge/noarch/a-1-0.conda
packages: []
)");
  ASSERT_EQ(result.environments.size(), 3U);
  EXPECT_EQ(result.environments[0].platform, "linux-64");
  EXPECT_EQ(result.environments[0].platform_label, "gpu box");
  EXPECT_EQ(result.environments[2].platform, "osx-arm64");
  // Only one environment per platform of conda's can share an id: the one that bears its name.
  EXPECT_EQ(result.environments[0].coresolve_group, "");
  EXPECT_NE(result.environments[1].coresolve_group, "");
  EXPECT_EQ(result.environments[1].coresolve_group, result.environments[2].coresolve_group);
}

TEST(PixiLock, Versions4And5NameUrlsAndPaths) {
  const IntakeResult result = read(R"(version: 5
environments:
  default:
    channels: [{url: conda-forge}]
    packages:
      win-64:
      - conda: https://conda.anaconda.org/conda-forge/win-64/a-1-0.tar.bz2
      - pypi: direct+https://files.example/click-8.1.7-py3-none-any.whl
      - pypi: git+https://git.example/requests.git@0106aced
packages:
- kind: conda
  name: a
  url: https://conda.anaconda.org/conda-forge/win-64/a-1-0.tar.bz2
  md5: 0123456789abcdef0123456789abcdef
- kind: pypi
  path: ./x
)");
  ASSERT_EQ(result.environments.size(), 1U);
  EXPECT_EQ(stems(result.environments[0]), (Names{"a-1-0", "click-8.1.7-py3-none-any"}));
  EXPECT_EQ(result.environments[0].packages[0].expected.md5, Md5::from_hex(k_md5));
  EXPECT_EQ(result.environments[0].packages[1].source.text(),
            "https://files.example/click-8.1.7-py3-none-any.whl");
}

TEST(ExplicitFile, TakesHashesInEverySpellingAndPipLines) {
  const IntakeResult result = read(std::string("# platform: osx-64\n@EXPLICIT\n") +
                                   "https://c.example/x/osx-64/a-1-0.conda#" + k_md5 + "\r\n" +
                                   "https://c.example/x/osx-64/b-1-0.conda#sha256:" + k_sha256 +
                                   "\nhttps://c.example/x/noarch/c-1-0.tar.bz2\n"
                                   "# pip d @ https://f.example/d-1-py3-none-any.whl#sha256=" +
                                   k_sha256 + "\n# pip e @ https://f.example/e-1.tar.gz \\\n" +
                                   "# pip      --hash=sha256:" + k_sha256 + "\n# the end\n");
  ASSERT_EQ(result.environments.size(), 1U);
  const EnvironmentRequest& environment = result.environments[0];
  EXPECT_EQ(environment.platform, "osx-64");
  EXPECT_EQ(stems(environment), (Names{"a-1-0", "b-1-0", "c-1-0", "d-1-py3-none-any", "e-1"}));
  EXPECT_EQ(environment.packages[0].expected.md5, Md5::from_hex(k_md5));
  EXPECT_EQ(environment.packages[1].expected.sha256, Sha256::from_hex(k_sha256));
  EXPECT_EQ(environment.packages[2].expected, ExpectedDigest());
  EXPECT_EQ(environment.packages[3].expected.sha256, Sha256::from_hex(k_sha256));
  EXPECT_EQ(environment.packages[4].expected.sha256, Sha256::from_hex(k_sha256));
  EXPECT_EQ(environment.requirements.sources.at("conda"), Names{"https://c.example/x"});
}

TEST(ExplicitFile, KeepsCredentialsForTheRequestOnly) {
  const IntakeResult result =
      read("@EXPLICIT\nhttps://me:pw@c.example/t/TOKEN/x/linux-64/a-1-0.conda\n");
  const SourceUrl& source = result.environments.at(0).packages.at(0).source;
  EXPECT_EQ(source.text(), "https://c.example/x/linux-64/a-1-0.conda");
  EXPECT_EQ(source.fetch_url(), "https://me:pw@c.example/t/TOKEN/x/linux-64/a-1-0.conda");
  EXPECT_EQ(result.environments[0].requirements.sources.at("conda"), Names{"https://c.example/x"});
}

TEST(ExplicitFile, ThePlatformComesFromCommentPackagesOrThePerson) {
  EXPECT_EQ(read("@EXPLICIT\nhttps://c.example/x/win-64/a-1-0.conda\n").environments[0].platform,
            "win-64");
  const std::string noarch = "@EXPLICIT\nhttps://c.example/x/noarch/a-1-0.conda\n";
  EXPECT_FALSE(read_input_text("input", noarch, {}).ok());
  EXPECT_EQ(read(noarch, {.platforms = {"osx-64"}}).environments[0].platform, "osx-64");
}

TEST(ExplicitFile, AHashThatIsNoneIsReportedAndTakenAsUnknown) {
  const IntakeResult result =
      read("@EXPLICIT\nhttps://c.example/x/linux-64/a-1-0.conda#0c96522c6bdaed4b1566d11387caa>\n");
  EXPECT_EQ(result.environments[0].packages[0].expected, ExpectedDigest());
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_EQ(result.warnings[0].substr(0, 8), "input:2:");
}

TEST(ExplicitFile, TheSameArtifactTwiceIsOnePackage) {
  const IntakeResult result = read(
      "@EXPLICIT\nhttps://c.example/x/linux-64/a-1-0.conda\nhttps://c.example/x/linux-64/"
      "a-1-0.conda\n");
  EXPECT_EQ(result.environments[0].packages.size(), 1U);
  ASSERT_EQ(result.environments[0].skipped.size(), 1U);
  EXPECT_EQ(result.environments[0].skipped[0].reason, SkipReason::duplicate);
  EXPECT_TRUE(result.environments[0].is_whole());
}

TEST(UrlList, IsNoEnvironment) {
  const IntakeResult result = read(
      "# mine\nhttps://c.example/x/linux-64/a-1-0.conda\nhttps://f.example/b-1-py3-none-any.whl\n");
  EXPECT_TRUE(result.environments.empty());
  ASSERT_EQ(result.loose_packages.size(), 2U);
  EXPECT_EQ(result.loose_packages[1].source.type(), PackageType::pypi);
  EXPECT_EQ(result.loose_packages[1].position.line, 3U);
}

TEST(EnvironmentList, HoldsEverythingThatARequestHas) {
  const IntakeResult result = read(std::string(R"({"envs": [
    {"name": "n", "arch": "linux-64", "coresolve": "g", "deps": {"conda": ["a==1"], "pip": ["b"]},
     "sources": {"conda": ["conda-forge"]}, "extras": {"pypi": ["--pre"]}, "aliases": ["x/y:v1"],
     "resolved_on": "2026-01-02T03:04:05", "resolved_by": "golden",
     "packages": [{"url": "https://c.example/x/linux-64/a-1-0.conda", "md5": ")") +
                                   k_md5 + R"(", "size": 7},
                  {"url": "https://f.example/b-1-py3-none-any.whl"}]},
    {"name": "m", "arch": "osx-64", "coresolve": "g", "packages": []}]})");
  ASSERT_EQ(result.environments.size(), 2U);
  const EnvironmentRequest& first = result.environments[0];
  EXPECT_EQ(first.requirement_origin, RequirementOrigin::given);
  EXPECT_EQ(first.requirements.deps.at("pypi"), Names{"b"});
  EXPECT_EQ(first.requirements.extras.at("pypi"), Names{"--pre"});
  EXPECT_EQ(first.aliases, Names{"x/y:v1"});
  EXPECT_EQ(first.resolved_on, "2026-01-02T03:04:05");
  EXPECT_EQ(first.resolved_by, "golden");
  EXPECT_EQ(first.packages[0].expected.size, 7U);
  EXPECT_EQ(first.packages[1].source.type(), PackageType::pypi);
  EXPECT_EQ(first.coresolve_group, result.environments[1].coresolve_group);
  EXPECT_EQ(result.environments[1].requirement_origin, RequirementOrigin::exact_set);
}

std::string description(const std::string& subdir, const std::string& archs) {
  return R"({"deps": ["conda::a==1", "sys::__glibc==2.27=0"], "sources": ["conda::conda-forge"],
    "extras": [], "packages": [{"_type": "conda", "filename": "a-1-0",
    "url": "https://c.example/x/)" +
         subdir + R"(/a-1-0.tar.bz2", "url_format": ".tar.bz2", "hashes": {".tar.bz2": ")" + k_md5 +
         R"("}, "cache_info": {}}], "resolved_on": "2026-01-02T03:04:05", "resolved_by": "me",
    "resolved_archs": [)" +
         archs + R"(], "env_type": "conda-only"})";
}

TEST(EnvironmentDescription, TellsItsPlatformByItsPackages) {
  const IntakeResult result = read(description("linux-64", R"("linux-64", "osx-64")"));
  ASSERT_EQ(result.environments.size(), 1U);
  const EnvironmentRequest& environment = result.environments[0];
  EXPECT_EQ(environment.platform, "linux-64");
  EXPECT_EQ(environment.requirements.deps.at("sys"), Names{"__glibc==2.27=0"});
  EXPECT_EQ(environment.packages[0].expected.md5, Md5::from_hex(k_md5));
  EXPECT_EQ(environment.resolved_by, "me");
  // Its id was made together with osx-64, which isn't here.
  EXPECT_EQ(environment.coresolve_group, "");
  EXPECT_EQ(result.warnings.size(), 1U);
}

TEST(EnvironmentDescription, WithOnlyNoarchPackagesItsSinglePlatformCounts) {
  EXPECT_EQ(read(description("noarch", R"("osx-64")")).environments[0].platform, "osx-64");
  EXPECT_FALSE(read_input_text("input", description("noarch", R"("osx-64", "win-64")"), {}).ok());
}

TEST(KnownEnvironments, HoldsAllDescriptions) {
  const IntakeResult result = read(R"({"version": 1, "mappings": {}, "aliases": {},
    "environments": {"linux-64": {"r": {"f": )" +
                                   description("linux-64", R"("linux-64", "osx-64")") +
                                   R"(, "_default": "f"}},
                     "osx-64": {"r": {"f": )" +
                                   description("osx-64", R"("linux-64", "osx-64")") + "}}}}");
  ASSERT_EQ(result.environments.size(), 2U);
  EXPECT_EQ(result.environments[0].platform, "linux-64");
  EXPECT_NE(result.environments[0].coresolve_group, "");
  EXPECT_EQ(result.environments[0].coresolve_group, result.environments[1].coresolve_group);
}

TEST(MetaflowManifest, HasEnvironmentsByIdAndPlatform) {
  const IntakeResult result = read(
      R"({"abc": {"linux-64": {
                  "conda": [{"url": "https://c.example/x/noarch/a-1-0.conda", "path": "p"}],
                  "pypi": [{"url": "https://f.example/b-1-py3-none-any.whl"}]}}})");
  ASSERT_EQ(result.environments.size(), 1U);
  EXPECT_EQ(result.environments[0].name, "abc");
  EXPECT_EQ(stems(result.environments[0]), (Names{"a-1-0", "b-1-py3-none-any"}));
}

TEST(Filters, KeepWhatIsNamedAndRefuseWhatNothingHas) {
  EXPECT_EQ(read(k_conda_lock, {.platforms = {"osx-arm64"}}).environments.size(), 2U);
  EXPECT_EQ(read(k_conda_lock, {.environments = {"dev"}}).environments.size(), 2U);
  // What is left of a group of two was resolved alone, as far as this request goes.
  EXPECT_EQ(read(k_conda_lock, {.platforms = {"osx-arm64"}}).environments[0].coresolve_group, "");
  const auto wrong = read_input_text("input", k_conda_lock, {.platforms = {"osx-arm46"}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().hint, "did you mean osx-arm64?");
  EXPECT_FALSE(read_input_text("input", k_conda_lock, {.environments = {"prod"}}).ok());
}

}  // namespace
}  // namespace athanor::coordinator
