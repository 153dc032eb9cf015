#include "coordinator/intake/intake.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace athanor::coordinator {
namespace {

// The whole error, or "accepted".
std::string failure(std::string_view text, const IntakeOptions& options = {}) {
  const auto result = read_input_text("in", text, options);
  return result.ok() ? "accepted" : result.error().to_string();
}

ErrorKind failure_kind(std::string_view text) {
  const auto result = read_input_text("in", text, {});
  return result.ok() ? ErrorKind::bug : result.error().kind;
}

TEST(IntakeErrors, NameFileLineAndWhatWasExpected) {
  struct Case {
    const char* name;
    std::string text;
    std::string message;  // how it begins
  };
  const std::string item = "package:\n- manager: conda\n  platform: linux-64\n  url: ";
  const Case cases[] = {
      {"empty", " \n# nothing\n", "in: nothing stands in this file"},
      {"NUL", std::string("version: 6\n\0", 12), "in:2: a control character (\\x00)"},
      {"escape sequence", "@EXPLICIT\n\x1b[2J\n", "in:2: a control character (\\x1b)"},
      {"not UTF-8", "@EXPLICIT\n# ok\n# \xff\xfe\n", "in:3: bytes that aren't UTF-8"},
      {"prose", "hello\n", "in: this is no input that is known"},
      {"not a URL", "@EXPLICIT\n\nzlib 1.2\n", "in:3: expected a URL or '@EXPLICIT', found"},
      {"no package", "@EXPLICIT\nhttps://c.example/x/linux-64/\n", "in:2: 'https://c.example/"},
      {"other scheme", "@EXPLICIT\nftp://c.example/x/linux-64/a-1-0.conda\n",
       "in:2: 'ftp://c.example/x/linux-64/a-1-0.conda': packages are read from https"},
      {"local file", "@EXPLICIT\nfile:///etc/passwd\n", "in:2: 'file:///etc/passwd'"},
      {"local package", "@EXPLICIT\nfile:///srv/x/linux-64/a-1-0.conda\n",
       "in:2: 'file:///srv/x/linux-64/a-1-0.conda' is a local file, and inputs may not name any"},
      {"climbing URL", "@EXPLICIT\nhttps://c.example/x/../../linux-64/a-1-0.conda\n",
       "in:2: 'https://c.example/x/../../linux-64/a-1-0.conda' can't be a package"},
      {"encoded climbing", "@EXPLICIT\nhttps://c.example/x/%2e%2e/linux-64/a-1-0.conda\n",
       "in:2: 'https://c.example/x/%2e%2e/"},
      {"bad platform comment", "# platform: linux-46\n@EXPLICIT\n", "in:1: 'linux-46' is not"},
      {"pixi version", "version: 8\nenvironments: {}\n",
       "in:1: pixi.lock version '8' is not known; known: 1 to 7"},
      {"pixi without version", "environments: {}\n", "in: pixi.lock version '' is not known"},
      {"lock version", "package: []\nversion: 4\n", "in:2: lock file version '4' is not known"},
      {"spec file", "name: x\ndependencies: [python]\n", "in: this says what is wanted"},
      {"package is no list", "version: 1\npackage: zlib\n", "in:2: package: expected a list"},
      {"item is no mapping", "package:\n- zlib\n",
       "in:2: an item of 'package': expected a mapping"},
      {"no URL", "package:\n- name: zlib\n  manager: conda\n", "in:2: a package without 'url'"},
      {"URL is a list", item + "[a, b]\n", "in:4: url: expected a text"},
      {"manager", "package:\n- url: x\n  manager: npm\n", "in:2: manager: expected conda or pip"},
      {"platform", "package:\n- url: x\n  manager: conda\n  platform: mars-64\n",
       "in:4: 'mars-64' is not a platform that conda knows"},
      {"bad YAML", "package:\n- {a: [}\n", "in:2: not YAML: "},
      {"bad URL", item + "https://c.example/x/linux-64/zlib.conda\n", "in:2: 'https://c.example/"},
      {"key twice", item + "https://c.example/\n  url: https://d.example/\n",
       "in:5: the key 'url' stands twice"},
      {"two documents", "package: []\n---\npackage: []\n", "in:2: a second YAML document begins"},
      {"alias", "package: []\nmetadata:\n  sources: &a [x]\n  platforms: *a\n",
       "in:4: a YAML alias"},
      {"pixi package without kind",
       "version: 6\nenvironments:\n  a:\n    packages:\n      linux-64:\n      - zlib: 1\n",
       "in:6: expected one of 'conda', 'pypi' and 'conda_source'"},
      {"unknown pixi platform",
       "version: 6\nenvironments:\n  a:\n    packages:\n      my-box:\n      - conda: x\n",
       "in:5: 'my-box' is not a platform"},
      {"bad JSON", "{\"envs\":\n oops}", "in: line 2, column "},
      {"unknown JSON", "{\"a\": 1}", "in: this JSON document is no input that is known"},
      {"JSON list", "[1]", "in: this JSON document is no input that is known"},
      {"envs is no list", "{\"envs\": 1}", "in: envs: expected a list, found a number (line 1)"},
      {"no arch", "{\"envs\": [{\"name\": \"x\"}]}", "in: envs[0].arch: missing (line 1)"},
      {"url type",
       "{\"envs\": [{\"name\": \"x\", \"arch\": \"linux-64\", \"packages\": [\n{\"url\": 1}]}]}",
       "in: envs[0].packages[0].url: expected a string, found a number (line 2)"},
      {"known environments version", "{\"version\": 2, \"environments\": {}}",
       "in: version 2 of known environments; known: 1"},
      {"dependency without category", "{\"deps\": [\"python\"], \"packages\": []}",
       "in: deps: expected texts like"},
  };
  for (const Case& c : cases) {
    const std::string message = failure(c.text);
    EXPECT_EQ(message.substr(0, c.message.size()), c.message) << c.name << ": " << message;
  }
}

TEST(IntakeErrors, AnUnknownVersionIsUnsupportedNotInvalid) {
  EXPECT_EQ(failure_kind("version: 8\nenvironments: {}\n"), ErrorKind::unsupported);
  EXPECT_EQ(failure_kind("version: 9\npackage: []\n"), ErrorKind::unsupported);
}

TEST(IntakeErrors, FileUrlsAreReadOnlyWhenAllowed) {
  const std::string text = "@EXPLICIT\nfile:///srv/x/linux-64/a-1-0.conda\n";
  EXPECT_EQ(failure_kind(text), ErrorKind::rejected);
  EXPECT_EQ(failure(text, {.file_urls = FileUrls::allow}), "accepted");
  EXPECT_NE(failure("@EXPLICIT\nfile:///etc/passwd\n", {.file_urls = FileUrls::allow}), "accepted");
}

TEST(IntakeErrors, NeverShowCredentials) {
  for (const std::string& text :
       {std::string("@EXPLICIT\nhttps://me:hunter2@c.example/x/../a-1-0.conda\n"),
        std::string("@EXPLICIT\nhttps://c.example/t/hunter2/x/linux-64/zlib.conda\n"),
        std::string("@EXPLICIT\nftp://me:hunter2@c.example/x/linux-64/a-1-0.conda?k=hunter2\n"),
        std::string("@EXPLICIT\nhttps://c.example/x/linux-64/a-1-0.zip?token=hunter2 x\n")}) {
    const std::string message = failure(text);
    EXPECT_NE(message, "accepted") << text;
    EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
  }
}

TEST(IntakeErrors, HostileTextsEndSoonAndInBoundedMemory) {
  std::string deep = "package: []\nx: ";
  std::string deep_block;
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 0; i < 100'000; ++i) {
    deep += '[';
    if (i < 2'000) {
      deep_block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
    }
  }
  for (char c = 'b'; c <= 'z'; ++c) {
    const std::string reference = std::string("*") + static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [" + reference + "," + reference + "]\n";
  }
  std::string directives;
  for (int i = 0; i < 200'000; ++i) {
    directives += "%TAG !a" + std::to_string(i) + "! tag:x\n";
  }
  std::string json_deep(100'000, '[');
  std::string many_keys = "version: 6\nenvironments:\n  a:\n    packages:\n      linux-64:\n";
  for (int i = 0; i < 600'000; ++i) {
    many_keys += "      - conda: x\n";
  }
  EXPECT_NE(failure(deep).find("nested deeper than 64"), std::string::npos) << failure(deep);
  EXPECT_NE(failure("package:\n" + deep_block).find("nested deeper"), std::string::npos);
  EXPECT_NE(failure("version: 1\npackage: []\n" + bomb).find("a YAML alias"), std::string::npos);
  EXPECT_NE(failure(directives + "---\nversion: 1\npackage: []\n").find("directives"),
            std::string::npos);
  EXPECT_NE(failure(json_deep).find("nested deeper"), std::string::npos);
  EXPECT_NE(failure(many_keys).find("more than 500000 packages"), std::string::npos);
  EXPECT_NE(failure("@EXPLICIT\nhttps://c.example/" + std::string(20'000'000, 'a') + ".conda\n"),
            "accepted");
  EXPECT_NE(failure(std::string(20'000'000, '#')), "accepted");
  EXPECT_NE(failure("version: 1\npackage: \"" + std::string(20'000'000, 'a')), "accepted");
}

class IntakeFiles : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path) << text;
    return path;
  }

  test::ScratchDir folder_;
};

TEST_F(IntakeFiles, AreReadTogetherAndEachOnce) {
  const std::string a = write("a.lock", "@EXPLICIT\nhttps://c.example/x/linux-64/a-1-0.conda\n");
  const std::string b = write("b.txt", "https://c.example/x/linux-64/b-1-0.conda\n");
  const std::vector<std::string> inputs = {a, b, a};
  const auto result = read_inputs(inputs, {});
  ASSERT_TRUE(result.ok()) << result.error().to_string();
  ASSERT_EQ(result->environments.size(), 1U);
  EXPECT_EQ(result->environments[0].name, "a");
  EXPECT_EQ(result->environments[0].position.file, a);
  EXPECT_EQ(result->loose_packages.size(), 1U);
}

TEST_F(IntakeFiles, WhatCannotBeReadIsNamed) {
  const auto read_one = [](const std::string& path) {
    return read_inputs(std::vector<std::string>{path}, {});
  };
  const std::string missing = (folder_ / "none.lock").string();
  const auto absent = read_one(missing);
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().kind, ErrorKind::not_found);
  EXPECT_NE(absent.error().message.find(missing), std::string::npos);
  const auto folder = read_one(folder_.path().string());
  ASSERT_FALSE(folder.ok());
  EXPECT_NE(folder.error().message.find("is a folder"), std::string::npos);
}

TEST_F(IntakeFiles, TheManifestBesideALockSaysWhatWasAskedFor) {
  const std::string lock =
      write("conda-lock.yml",
            "version: 1\nmetadata:\n  channels: [{url: conda-forge}]\n  sources: [env.yml]\n"
            "package:\n- manager: conda\n  platform: linux-64\n"
            "  url: https://conda.anaconda.org/conda-forge/linux-64/zlib-1.2.11-h0_0.conda\n");
  const std::vector<std::string> inputs = {lock};
  EXPECT_EQ(read_inputs(inputs, {})->environments[0].requirement_origin,
            RequirementOrigin::exact_set);
  write("env.yml", "dependencies:\n- zlib >=1.2\n");
  const auto result = read_inputs(inputs, {});
  const EnvironmentRequest& environment = result->environments.at(0);
  EXPECT_EQ(environment.requirement_origin, RequirementOrigin::manifest);
  EXPECT_EQ(environment.requirements.deps.at("conda"), std::vector<std::string>{"zlib==>=1.2"});
  // It names no channels, so those of the lock count.
  EXPECT_EQ(environment.requirements.sources.at("conda"), std::vector<std::string>{"conda-forge"});
  const std::string given = write("given.txt", "--conda-channel bioconda\nrequests>=2\n");
  const auto asked = read_inputs(inputs, {.requirements_file = given});
  ASSERT_TRUE(asked.ok()) << asked.error().to_string();
  EXPECT_EQ(asked->environments[0].requirement_origin, RequirementOrigin::given);
  EXPECT_EQ(asked->environments[0].requirements.deps.at("pypi"),
            std::vector<std::string>{"requests==>=2"});
  EXPECT_EQ(asked->environments[0].requirements.sources.at("conda"),
            std::vector<std::string>{"bioconda"});
}

TEST_F(IntakeFiles, ALockCannotMakeUsReadWhatIsNoManifestBesideIt) {
  write("secret", "dependencies:\n- zlib\n");
  for (const std::string& source : {(folder_ / "secret").string(), std::string("secret"),
                                    std::string("/etc/passwd"), std::string("/dev/zero")}) {
    const std::string lock = write(
        "conda-lock.yml",
        "version: 1\nmetadata:\n  sources: [" + source +
            "]\npackage:\n- manager: conda\n  platform: linux-64\n"
            "  url: https://conda.anaconda.org/conda-forge/linux-64/zlib-1.2.11-h0_0.conda\n");
    const auto result = read_inputs(std::vector<std::string>{lock}, {});
    ASSERT_TRUE(result.ok()) << source;
    EXPECT_EQ(result->environments[0].requirement_origin, RequirementOrigin::exact_set) << source;
  }
}

}  // namespace
}  // namespace athanor::coordinator
