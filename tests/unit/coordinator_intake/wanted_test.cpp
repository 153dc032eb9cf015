#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/selector.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/match_spec.hpp"
#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/support/test_data.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

// What manifests say for solvers: beside the ids' spelling, which manifest_test.cpp looks at.
namespace athanor::coordinator {
namespace {

using Names = std::vector<std::string>;
using test::must;

std::unique_ptr<Manifest> parse(const std::string& text, const std::string& folder = {}) {
  return must(parse_manifest(InputText{.name = "in", .text = text, .folder = folder}));
}

Wanted wanted(const std::string& text, const RequirementScope& scope = {}) {
  auto found = parse(text)->wanted(scope);
  EXPECT_TRUE(found.has_value());
  return found.value_or(Wanted());
}

Names texts(const std::vector<WrittenSpec>& specs) {
  Names names;
  for (const WrittenSpec& spec : specs) {
    names.push_back(spec.text);
  }
  return names;
}

const std::string k_environment = R"(name: train
channels: [conda-forge, "https://u:secret@c.example/t/TOKEN/x", nodefaults]
platforms: [linux-64, osx-arm64]
dependencies:
  - python=3.10      # the newest that works
  - bioconda::samtools >=1.18
  - blas[build=mkl]
  - gcc_linux-64>=6  # [linux64]
  - sel(osx): clang
  - mold  # [not osx]
  - pip
  - pip:
    - requests>=2,<3
    - git+https://g.example/bar.git@v1
    - -e .
    - --extra-index-url https://i.example/simple
  - sys: [__cuda=11.8=0]
)";

TEST(Wanted, OfAnEnvironmentYmlIsWhatCondaReadsInIt) {
  const auto manifest = parse(k_environment);
  ASSERT_EQ(manifest->environments().size(), 1U);
  EXPECT_EQ(manifest->environments()[0].name, "train");
  EXPECT_EQ(manifest->environments()[0].platforms, (Names{"linux-64", "osx-arm64"}));
  const Wanted on_linux = wanted(k_environment, {.environment = {}, .platform = "linux-64"});
  EXPECT_EQ(texts(on_linux.conda), (Names{"python=3.10", "bioconda::samtools >=1.18",
                                          "blas[build=mkl]", "gcc_linux-64>=6", "mold", "pip"}));
  EXPECT_EQ(on_linux.conda[1].position.line, 6U);
  const Wanted on_osx = wanted(k_environment, {.environment = {}, .platform = "osx-arm64"});
  EXPECT_EQ(texts(on_osx.conda),
            (Names{"python=3.10", "bioconda::samtools >=1.18", "blas[build=mkl]", "clang", "pip"}));
  EXPECT_EQ(texts(on_linux.pypi), Names{"requests>=2,<3"});
  ASSERT_EQ(on_linux.unsolvable.size(), 2U);
  EXPECT_EQ(on_linux.unsolvable[1].text, ".");
  EXPECT_TRUE(on_linux.only_these_channels);
  EXPECT_EQ(on_linux.channels, (Names{"conda-forge", "https://u:secret@c.example/t/TOKEN/x"}));
  // What is stored holds no credential.
  EXPECT_EQ(on_linux.requirements.sources.at("conda"),
            (Names{"conda-forge", "https://c.example/x"}));
  EXPECT_EQ(on_linux.requirements.deps.at("sys"), Names{"__cuda==11.8=0"});
  EXPECT_EQ(on_linux.extra_indexes, Names{"https://i.example/simple"});
}

TEST(Wanted, SelectorsAreEvaluatedAndRemarksAreNot) {
  struct Case {
    const char* selector;
    const char* platform;
    std::optional<bool> selects;
  };
  const Case cases[] = {
      {"linux64", "linux-64", true},
      {"linux64", "linux-aarch64", false},
      {"aarch64", "linux-aarch64", true},
      {"arm64", "osx-arm64", true},
      {"osx64", "osx-arm64", false},
      {"unix", "win-64", false},
      {"not win", "osx-64", true},
      {"linux or osx64", "osx-64", true},
      {"unix and not osx", "osx-64", false},
      {"osx-arm64", "osx-arm64", true},
      {"see below", "linux-64", std::nullopt},
      {"linux or", "linux-64", std::nullopt},
      {"", "linux-64", std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(selects_platform(c.selector, c.platform), c.selects) << c.selector;
  }
  EXPECT_EQ(selector_of_line("  - a  # [linux64]"), "linux64");
  EXPECT_EQ(selector_of_line("  - a[build=x]"), std::nullopt);
  EXPECT_EQ(selector_of_line("  - a # why [x] so"), std::nullopt);
}

TEST(Wanted, OfAPixiWorkspaceNamesItsEnvironmentsAndTheirPlatforms) {
  const std::string text = R"([workspace]
channels = ["conda-forge", {channel = "https://c.example/x/", priority = 1}]
platforms = ["linux-64", "osx-64"]
[dependencies]
python = "3.10.*"
numpy = {version = ">=1.21, <2", build = "py*", channel = "bioconda"}
mine = {path = "."}
[pypi-dependencies]
requests = ">=2.21,<3"
exact = "1.0"
bar = {git = "https://g.example/bar.git", tag = "v1"}
[feature.test]
platforms = ["linux-64"]
[feature.test.dependencies]
pytest = "*"
[environments]
test = ["test"]
)";
  const auto manifest = parse(text);
  const auto environments = manifest->environments();
  ASSERT_EQ(environments.size(), 2U);
  EXPECT_EQ(environments[0].platforms, (Names{"linux-64", "osx-64"}));
  EXPECT_EQ(environments[1].name, "test");
  EXPECT_EQ(environments[1].platforms, Names{"linux-64"});
  const Wanted test = *manifest->wanted({.environment = "test", .platform = "linux-64"});
  EXPECT_EQ(texts(test.conda), (Names{"bioconda::numpy[version='>=1.21,<2',build='py*']",
                                      "python 3.10.*", "pytest *"}));
  EXPECT_EQ(texts(test.pypi), (Names{"exact==1.0", "requests>=2.21,<3"}));
  ASSERT_EQ(test.unsolvable.size(), 2U);
  EXPECT_EQ(test.unsolvable[0].reason, SkipReason::source_package);
  // The higher priority first; ids don't know of it.
  EXPECT_EQ(test.channels, (Names{"https://c.example/x/", "conda-forge"}));
}

TEST(Wanted, ARequirementsTxtKeepsHashesAndReadsWhatItIncludes) {
  const test::ScratchDir folder;
  std::ofstream(folder.path() / "base.txt") << "six==1.16.0\n-r base.txt\n";
  std::ofstream(folder.path() / "bounds.txt") << "idna<4\n";
  const auto manifest = parse(
      "-r base.txt\n-c bounds.txt\n-i https://i.example/simple\n"
      "requests==2.31.0 \\\n  --hash=sha256:aa \\\n  --hash=sha256:bb\n"
      "--conda-pkg ffmpeg==4.3.*\n--conda-channel bioconda\n",
      folder.path().string());
  const Wanted found = *manifest->wanted({});
  EXPECT_EQ(texts(found.pypi), (Names{"six==1.16.0", "requests==2.31.0"}));
  EXPECT_EQ(found.pypi[1].hashes, (Names{"sha256:aa", "sha256:bb"}));
  EXPECT_EQ(found.pypi[1].position.line, 4U);
  EXPECT_EQ(texts(found.pypi_constraints), Names{"idna<4"});
  EXPECT_EQ(found.index, "https://i.example/simple");
  EXPECT_EQ(texts(found.conda), Names{"ffmpeg==4.3.*"});
  EXPECT_EQ(found.channels, Names{"bioconda"});
  // A file without a folder, which nobody vouches for, includes nothing.
  const auto refused =
      parse_manifest(InputText{.name = "in", .text = "a\n-r base.txt\n", .folder = {}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message.substr(0, 5), "in:2:");
}

TEST(Wanted, AListOfMatchSpecsIsToldFromPipsOwn) {
  EXPECT_EQ(texts(wanted("conda-forge::numpy >=1.2 # why\npython=3.9\nzlib 1.2.11 h0_1\n").conda),
            (Names{"conda-forge::numpy >=1.2", "python=3.9", "zlib 1.2.11 h0_1"}));
  EXPECT_EQ(texts(wanted("numpy>=1.2\npython-dateutil==2.9\n").pypi).size(), 2U);
}

TEST(Wanted, ManifestsAreToldFromLocks) {
  const std::pair<const char*, bool> cases[] = {
      {"dependencies:\n- a\n", true},
      {"version: 1\npackage:\n- name: a\n  dependencies:\n    b: 1\n", false},
      {"version: 6\nenvironments:\n  default:\n", false},
      {"@EXPLICIT\nhttps://c.example/x/noarch/a-1-0.conda\n", false},
      {"https://c.example/x/noarch/a-1-0.conda\n", false},
      {"requests>=2\n", true},
      {"# c\n-r other.txt\n", true},
      {"git+https://g.example/bar.git\n", true},
      {"[workspace]\nchannels = []\n", true},
      {"lock-version = '1.0'\n[[packages]]\nname = 'a'\n", false},
      {"{\"envs\": []}", false},
      {"[{\"a\": 1}]", false},
      {"python=3.9\n", true},
      {"- item\n", false},
      {"", false},
  };
  for (const auto& [text, is] : cases) {
    EXPECT_EQ(is_manifest(text), is) << text;
  }
}

TEST(Spelling, AsItIsHandedToASolver) {
  EXPECT_EQ(without_double_equal("numpy==>=1.2"), "numpy>=1.2");
  EXPECT_EQ(without_double_equal("pandas==1.5.3"), "pandas==1.5.3");
  EXPECT_EQ(without_double_equal("x==*"), "x");
  EXPECT_EQ(without_double_equal("y===3"), "y=3");
  EXPECT_EQ(spell_index("https://u:p@i.example/simple"), "https://i.example/simple");
}

// One row of index_specs.csv: the first column is the file, the eighth its kind.
struct RealSpec {
  std::string file;
  std::string kind;
};

std::vector<RealSpec> real_specs(const std::filesystem::path& data) {
  const std::string index = must(read_file(data / "index_specs.csv", 16U << 20U));
  std::vector<RealSpec> specs;
  for (const std::string_view line : split(index, '\n')) {
    const auto columns = split(line, ',');
    if (columns.size() > 8 && columns[0] != "file") {
      specs.push_back({.file = std::string(columns[0]), .kind = std::string(columns[7])});
    }
  }
  return specs;
}

TEST(RealSpecs, EveryOneIsReadAndItsMatchSpecsMeanSomething) {
  const auto data = test::test_data_dir();
  if (!data) {
    GTEST_SKIP() << test::k_no_test_data;
  }
  std::size_t read = 0;
  std::size_t specs = 0;
  for (const RealSpec& real : real_specs(*data)) {
    if (real.kind != "environment-yml" && real.kind != "requirements-txt" &&
        real.kind != "pixi-toml" && real.kind != "pyproject-pixi") {
      continue;
    }
    const std::filesystem::path path = *data / real.file;
    const auto manifest = parse_manifest(must(read_input_file(path.string(), 16U << 20U)));
    if (!manifest) {
      // What a repository's file includes isn't always among the data; pixi's manifests of single
      // packages and its newest TOML are refused with words.
      const bool may_fail = real.kind == "pixi-toml" || real.kind == "pyproject-pixi" ||
                            manifest.error().kind == ErrorKind::not_found;
      EXPECT_TRUE(may_fail) << manifest.error().message;
      EXPECT_TRUE(manifest.error().message.starts_with(data->string())) << real.file;
      continue;
    }
    ++read;
    for (const ManifestEnvironment& environment : (*manifest)->environments()) {
      const auto found =
          (*manifest)->wanted({.environment = environment.name, .platform = "linux-64"});
      ASSERT_TRUE(found.has_value()) << real.file << ' ' << environment.name;
      for (const WrittenSpec& spec : found->conda) {
        ++specs;
        const auto parsed = MatchSpec::parse(spec.text);
        EXPECT_TRUE(parsed.ok()) << real.file << ": " << (parsed ? "" : parsed.error().message);
      }
    }
  }
  EXPECT_GT(read, 400U);
  EXPECT_GT(specs, 2'000U);
}

}  // namespace
}  // namespace athanor::coordinator
