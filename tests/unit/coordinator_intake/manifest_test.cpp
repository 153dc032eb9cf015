#include "coordinator/intake/manifest.hpp"

#include "shared/json/json.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/test_data.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

using Names = std::vector<std::string>;
using test::must;

Requirements parse(const std::string& text, const RequirementScope& scope = {}) {
  const auto manifest = must(parse_manifest(InputText{.name = "in", .text = text, .folder = {}}));
  auto requirements = manifest->requirements(scope);
  EXPECT_TRUE(requirements.has_value());
  return requirements.value_or(Requirements());
}

// {"conda": ["a"]} as specs by category.
SpecsByCategory specs(const Json& json) {
  SpecsByCategory result;
  for (const Json::Member& member : *json.as_object()) {
    for (const Json& item : *member.value.as_array()) {
      result[member.key].push_back(*item.as_string());
    }
  }
  return result;
}

SpecsByCategory without_empty(SpecsByCategory all) {
  std::erase_if(all, [](const auto& entry) { return entry.second.empty(); });
  return all;
}

TEST(Manifest, SpellsAsTheExtensionsOwnParsers) {
  const auto data = test::test_data_dir();
  if (!data) {
    GTEST_SKIP() << test::k_no_test_data;
  }
  const std::string text = must(read_file(*data / "vectors/netflixext.json", 16U << 20U));
  const Json vectors = must(parse_json(text));
  std::size_t compared = 0;
  for (const Json& vector : *vectors.find("parsers")->as_array()) {
    const Json* deps = vector.find("as_deps");
    if (deps == nullptr) {
      continue;
    }
    const Requirements actual = parse(*vector.find("text")->as_string());
    EXPECT_EQ(without_empty(actual.deps), specs(*deps));
    EXPECT_EQ(without_empty(actual.sources), specs(*vector.find("sources")));
    ++compared;
  }
  EXPECT_EQ(compared, 2U);
}

TEST(Spelling, OfCondaSpecs) {
  const std::pair<const char*, const char*> cases[] = {
      {"scipy", "scipy"},
      {"scipy *", "scipy"},
      {"python=3.10.*", "python==3.10.*"},
      {"numpy >=1.21,<2", "numpy==>=1.21,<2"},
      {"pandas = 1.5.3", "pandas==1.5.3"},
      {"zlib==1.2.11=h0_1", "zlib==1.2.11=h0_1"},
      {"zlib 1.2.11 h0_1", "zlib==1.2.11=h0_1"},
      {"zlib 1.2.*", "zlib==1.2.*"},
      {"a!=2", "a==!=2"},
      {"a~=2.1", "a==~=2.1"},
      {"comet_ml::comet_ml=3.32", "comet_ml::comet_ml==3.32"},
  };
  for (const auto& [text, spelled] : cases) {
    EXPECT_EQ(spell_conda_spec(text), spelled) << text;
  }
}

TEST(Spelling, OfPypiRequirements) {
  const std::pair<const char*, const char*> cases[] = {
      {"requests", "requests"},
      {"requests>=2.21,<3 ; python_version > \"3.7\"",
       "requests==<3,>=2.21;python_version > \"3.7\""},
      {"a; sys_platform=='win32'and(python_version<'3' or extra == 'x')",
       "a==;sys_platform == \"win32\" and (python_version < \"3\" or extra == \"x\")"},
      {"foo[b, a] == 1.0", "foo[a,b]==1.0"},
      {"foo (>=1)", "foo==>=1"},
      {"bar @ git+https://h.example/x/bar.git@v1", "bar@git+https://h.example/x/bar.git@v1"},
      {"git+https://h.example/x/bar.git@v1", "bar@git+https://h.example/x/bar.git@v1"},
  };
  for (const auto& [text, spelled] : cases) {
    EXPECT_EQ(spell_pypi_requirement(text), spelled) << text;
  }
  EXPECT_EQ(spell_pypi_requirement("two words"), std::nullopt);
  EXPECT_EQ(spell_pypi_requirement("./here"), std::nullopt);
}

TEST(RequirementsTxt, ReadsOptionsContinuationsAndHashes) {
  const Requirements requirements = parse(
      "-i https://ignored.example\n--pre\n-f https://x/y\n--extra-index-url=https://e.example\n"
      "--sys-pkg __cuda=11.8=0\nrequests>=2 \\\n  --hash=sha256:abc # why\n");
  EXPECT_EQ(requirements.extras.at("pypi"), (Names{"--pre", "-f https://x/y"}));
  EXPECT_EQ(requirements.sources.at("pypi"), Names{"https://e.example"});
  EXPECT_EQ(requirements.deps.at("sys"), Names{"__cuda==11.8=0"});
  EXPECT_EQ(requirements.deps.at("pypi"), Names{"requests==>=2"});
}

TEST(RequirementsTxt, ErrorsNameTheLine) {
  const auto wrong = parse_manifest(
      InputText{.name = "r.txt", .text = "requests\n\n--frobnicate x\n", .folder = {}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message.substr(0, 8), "r.txt:3:");
}

TEST(EnvironmentYml, BelongsToItsCategory) {
  const auto manifest = must(parse_manifest(
      InputText{.name = "in", .text = "category: dev\ndependencies: [black]\n", .folder = {}}));
  EXPECT_FALSE(manifest->requirements({.environment = "main"}).has_value());
  EXPECT_TRUE(manifest->requirements({.environment = "dev"}).has_value());
}

const std::string k_pixi = R"([workspace]
channels = ["conda-forge", {channel = "https://c.example/x/", priority = 1}]
platforms = ["linux-64", "osx-64"]
[dependencies]
python = "3.10.*"
numpy = {version = ">=1.21, <2", build = "py*", channel = "bioconda"}
zlib = "*"
mine = {path = "."}
[target.linux.dependencies]
mold = "~=2.0"
[system-requirements]
cuda = "12"
libc = {family = "glibc", version = "2.28"}
[pypi-dependencies]
requests = ">=2.21,<3"
foo = {version = "==1.0", extras = ["b", "a"]}
bar = {git = "https://g.example/bar.git", tag = "v1"}
[feature.test.dependencies]
pytest = "==8.0"
zlib = ">=1.2"
[feature.bare]
channels = ["nvidia"]
[environments]
test = ["test"]
bare = {features = ["bare"], no-default-feature = true}
)";

TEST(PixiManifest, SpellsTheDefaultEnvironment) {
  const Requirements requirements =
      parse(k_pixi, {.environment = "default", .platform = "linux-64"});
  EXPECT_EQ(requirements.deps.at("conda"),
            (Names{"bioconda::numpy==>=1.21,<2=py*", "mold==~=2.0", "python==3.10.*", "zlib"}));
  EXPECT_EQ(requirements.deps.at("pypi"), (Names{"foo[a,b]==1.0", "requests==<3,>=2.21",
                                                 "bar@git+https://g.example/bar.git@v1"}));
  EXPECT_EQ(requirements.deps.at("sys"), (Names{"__cuda==12=0", "__glibc==2.28=0"}));
  EXPECT_EQ(requirements.sources.at("conda"), (Names{"conda-forge", "https://c.example/x"}));
}

TEST(PixiManifest, AddsFeaturesAndTargetsOfTheEnvironment) {
  const Requirements test = parse(k_pixi, {.environment = "test", .platform = "osx-64"});
  EXPECT_EQ(test.deps.at("conda"), (Names{"bioconda::numpy==>=1.21,<2=py*", "pytest==8.0",
                                          "python==3.10.*", "zlib==>=1.2"}));
  const Requirements bare = parse(k_pixi, {.environment = "bare", .platform = "osx-64"});
  EXPECT_TRUE(bare.deps.at("conda").empty());
  EXPECT_EQ(bare.sources.at("conda"), (Names{"nvidia", "conda-forge", "https://c.example/x"}));
  const auto manifest = must(parse_manifest(InputText{.name = "in", .text = k_pixi, .folder = {}}));
  EXPECT_FALSE(manifest->requirements({.environment = "none"}).has_value());
}

TEST(PixiManifest, APyprojectAddsItsOwnDependencies) {
  const Requirements requirements = parse(
      "[project]\nrequires-python = '>=3.9'\ndependencies = ['requests>=2,<3']\n"
      "[tool.pixi.workspace]\nchannels = ['conda-forge']\n",
      {.environment = "default", .platform = "linux-64"});
  EXPECT_EQ(requirements.deps.at("conda"), Names{"python==>=3.9"});
  EXPECT_EQ(requirements.deps.at("pypi"), Names{"requests==<3,>=2"});
}

TEST(PixiManifest, ErrorsNameTheLine) {
  const auto wrong = parse_manifest(
      InputText{.name = "pixi.toml", .text = "[workspace]\nchannels = [\n", .folder = {}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message.substr(0, 10), "pixi.toml:");
  EXPECT_FALSE(parse_manifest(InputText{.name = "x", .text = "[tool.black]\n", .folder = {}}).ok());
}

}  // namespace
}  // namespace athanor::coordinator
