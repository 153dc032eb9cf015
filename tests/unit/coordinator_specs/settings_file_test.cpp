#include "coordinator/specs/settings_file.hpp"

#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

using Names = std::vector<std::string>;
using test::must;

InputText text(const std::string& name, const std::string& content) {
  return {.name = name, .text = content, .folder = {}};
}

const std::string k_global = R"(python: 3.10.*
conda:
  numpy: ">=1.21"
  pandas: 1.10
  scipy:
channels: [conda-forge]
archs: [linux-64, osx-arm64]
aliases: [team/base]
pypi: {requests: ">=2,<3"}
)";

const std::string k_gpu = R"(conda:
  numpy: 1.26.4
  scipy: null
  pytorch::pytorch: "2.*"
channels: [pytorch, nvidia]
archs: [linux-64]
sys: {__cuda: "11.8"}
aliases: ["team/gpu:v1"]
)";

Wanted wanted_of(const SettingsFile& settings, const std::string& name) {
  auto found = settings.manifest->wanted({.environment = name, .platform = "linux-64"});
  EXPECT_TRUE(found.has_value()) << name;
  return found.value_or(Wanted());
}

TEST(SettingsFile, MakesOneEnvironmentPerBinding) {
  const SettingsFile settings = must(read_settings(
      text("env.yaml", k_global), {{.name = "cpu", .text = text("env.cpu.yaml", "")},
                                   {.name = "gpu", .text = text("env.gpu.yaml", k_gpu)}}));
  const auto environments = settings.manifest->environments();
  ASSERT_EQ(environments.size(), 2U);
  EXPECT_EQ(environments[0].name, "cpu");
  EXPECT_EQ(environments[0].platforms, (Names{"linux-64", "osx-arm64"}));
  EXPECT_EQ(environments[1].platforms, Names{"linux-64"});
  EXPECT_EQ(environments[1].aliases, Names{"team/gpu:v1"});

  const Wanted cpu = wanted_of(settings, "cpu");
  EXPECT_EQ(cpu.requirements.deps.at("conda"),
            (Names{"python==3.10.*", "numpy==>=1.21", "pandas==1.10"}));
  EXPECT_EQ(cpu.requirements.deps.at("pypi"), Names{"requests==<3,>=2"});

  const Wanted gpu = wanted_of(settings, "gpu");
  EXPECT_EQ(gpu.requirements.deps.at("conda"),
            (Names{"python==3.10.*", "numpy==1.26.4", "pandas==1.10", "pytorch::pytorch==2.*"}));
  EXPECT_EQ(gpu.requirements.deps.at("sys"), Names{"__cuda==11.8=0"});
  EXPECT_EQ(gpu.channels, (Names{"pytorch", "nvidia", "conda-forge"}));
}

TEST(SettingsFile, SaysForEachValueWhereItIsDefinedAndWhatItBeats) {
  const SettingsFile settings = must(read_settings(
      text("env.yaml", k_global), {{.name = "gpu", .text = text("env.gpu.yaml", k_gpu)}}));
  const BoundEnvironment& gpu = settings.environments.at(0);
  const auto find = [&](const std::string& name) {
    for (const BoundValue& value : gpu.values) {
      if (value.name == name) {
        return value;
      }
    }
    return BoundValue();
  };
  EXPECT_EQ(find("python").position.file, "env.yaml");
  EXPECT_EQ(find("python").position.line, 1U);
  const BoundValue numpy = find("conda.numpy");
  EXPECT_EQ(numpy.text, "1.26.4");
  EXPECT_EQ(numpy.position.file, "env.gpu.yaml");
  EXPECT_EQ(numpy.position.line, 2U);
  ASSERT_EQ(numpy.overridden.size(), 1U);
  EXPECT_EQ(numpy.overridden[0].first, ">=1.21");
  EXPECT_EQ(numpy.overridden[0].second.line, 3U);
  EXPECT_TRUE(find("conda.scipy").name.empty());  // null takes it out
}

TEST(SettingsFile, FindsItsOverlaysBesideIt) {
  const test::ScratchDir folder;
  const std::string global = (folder.path() / "env.toml").string();
  std::ofstream(global) << "python = \"3.11.*\"\n[conda]\nzlib = \"1.3\"\n";
  std::ofstream(folder.path() / "env.b.yaml") << "conda: {xz: \"\"}\n";
  std::ofstream(folder.path() / "env.a.toml") << "[conda]\nzlib = \">=1\"\n";
  std::ofstream(folder.path() / "other.c.yaml") << "conda: {}\n";
  const SettingsFile settings = must(read_settings_file(must(read_input_file(global, 1U << 20U))));
  const auto environments = settings.manifest->environments();
  ASSERT_EQ(environments.size(), 2U);
  EXPECT_EQ(environments[0].name, "a");
  EXPECT_EQ(wanted_of(settings, "a").requirements.deps.at("conda"),
            (Names{"python==3.11.*", "zlib==>=1"}));
  EXPECT_EQ(wanted_of(settings, "b").requirements.deps.at("conda"),
            (Names{"python==3.11.*", "zlib==1.3", "xz"}));
}

TEST(SettingsFile, ErrorsNameTheLineAndWhatWasExpected) {
  struct Case {
    const char* text;
    const char* begins;
    const char* hint;
  };
  const Case cases[] = {
      {"python: 3\ncondo: {}\n", "env.yaml:2: 'condo'", "did you mean conda?"},
      {"conda: [numpy]\n", "env.yaml:1: conda: expected packages", ""},
      {"channels: conda-forge\n", "env.yaml:1: channels: expected a list", ""},
      {"archs: [linux-65]\n", "env.yaml:1: 'linux-65' is not a platform", "did you mean linux-64?"},
      {"[conda]\nnumpy = 1.10\n", "env.yaml:2: conda.numpy: expected a text", "put it in quotes"},
      {"conda: {a: [1]}\n", "env.yaml:1: conda.a: expected a text", ""},
      {"conda: {a: 1, a: 2}\n", "env.yaml:1:", ""},
      {"a: &x [*x]\n", "env.yaml:1:", ""},
  };
  for (const Case& c : cases) {
    const auto wrong = read_settings(text("env.yaml", c.text), {});
    ASSERT_FALSE(wrong.ok()) << c.text;
    EXPECT_EQ(wrong.error().message.substr(0, std::string(c.begins).size()), c.begins);
    EXPECT_EQ(wrong.error().hint.substr(0, std::string(c.hint).size()), c.hint) << c.text;
  }
}

TEST(SettingsFile, IsToldFromOtherYaml) {
  EXPECT_TRUE(is_settings_file(k_global));
  EXPECT_TRUE(is_settings_file("[conda]\nzlib = \"1\"\n"));
  EXPECT_FALSE(is_settings_file("channels: [a]\ndependencies: [b]\n"));
  EXPECT_FALSE(is_settings_file("requests>=2\n"));
  EXPECT_FALSE(is_settings_file("version: 1\npackage: []\n"));
}

}  // namespace
}  // namespace athanor::coordinator
