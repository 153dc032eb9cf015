#include "shared/environment/description.hpp"

#include "tests/support/results.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace athanor {
namespace {

using test::must;

constexpr std::string_view k_md5_a = "2e5b81671cc2b53177b94b258b1658b2";
constexpr std::string_view k_md5_b = "e2a6a5cbdf4aba2c21e4808ee97e04b0";

DescribedPackage package(std::string filename, Format url_format, std::string_view md5) {
  return {.type = PackageType::conda,
          .filename = filename,
          .url = "https://host/ch/noarch/" + filename + std::string(extension(url_format)),
          .url_format = url_format,
          .formats = {{.format = url_format, .hash = std::string(md5), .key = "k/" + filename}}};
}

EnvironmentDescription example() {
  EnvironmentDescription environment;
  environment.platform = "linux-64";
  environment.deps = {{"conda", {"zlib", "python==3.8.*"}}, {"pypi", {"requests==2"}}};
  environment.sources = {{"conda", {"z-first", "a-second"}}};
  environment.packages = {package("zlib-1-0", Format::tar_bz2, k_md5_a),
                          package("python-3.8-1", Format::conda, k_md5_b)};
  environment.resolved_on = "2026-01-31T01:02:03.456789";
  environment.resolved_by = "us\xc3\xa9r";
  environment.resolved_archs = {"linux-64"};
  return environment;
}

TEST(Description, IsOneLineAsPythonWritesIt) {
  EXPECT_EQ(
      write_description(example()),
      R"({"deps": ["conda::python==3.8.*", "pypi::requests==2", "conda::zlib"], )"
      R"("sources": ["conda::z-first", "conda::a-second"], "extras": [], "packages": [)"
      R"({"_type": "conda", "filename": "zlib-1-0", )"
      R"("url": "https://host/ch/noarch/zlib-1-0.tar.bz2", )"
      R"("url_format": ".tar.bz2", "hashes": {".tar.bz2": "2e5b81671cc2b53177b94b258b1658b2"}, )"
      R"("cache_info": {".tar.bz2": {"_type": "conda", "url": "k/zlib-1-0"}}}, )"
      R"({"_type": "conda", "filename": "python-3.8-1", )"
      R"("url": "https://host/ch/noarch/python-3.8-1.conda", )"
      R"("url_format": ".conda", "hashes": {".conda": "e2a6a5cbdf4aba2c21e4808ee97e04b0"}, )"
      R"("cache_info": {".conda": {"_type": "conda", "url": "k/python-3.8-1"}}}], )"
      R"("resolved_on": "2026-01-31T01:02:03.456789", "resolved_by": "us\u00e9r", )"
      R"("resolved_archs": ["linux-64"], "env_type": "mixed", "accurate_source": true, )"
      R"("full_id_unique_keys": {}})");
}

TEST(Description, HashesBeginWithTheUrlsFormatAndCacheInfoIsSorted) {
  EnvironmentDescription environment = example();
  environment.packages.resize(1);
  environment.packages[0].formats.insert(
      environment.packages[0].formats.begin(),
      {.format = Format::conda, .hash = std::string(k_md5_b), .key = "k/c"});
  const std::string text = write_description(environment);
  EXPECT_NE(text.find(R"("hashes": {".tar.bz2": "2e5b81671cc2b53177b94b258b1658b2", ".conda": )"),
            std::string::npos);
  EXPECT_NE(text.find(R"("cache_info": {".conda": {"_type": "conda", "url": "k/c"}, ".tar.bz2": )"),
            std::string::npos);
}

TEST(Description, AFormatThatIsNotInTheStoreHasAHashAndNoCacheInfo) {
  EnvironmentDescription environment = example();
  environment.packages.resize(1);
  environment.packages[0].formats[0].key.clear();
  const std::string text = write_description(environment);
  EXPECT_EQ(text.find("cache_info"), std::string::npos);
  const EnvironmentDescription again = must(read_description(text, "linux-64"));
  EXPECT_EQ(again.packages[0].formats, environment.packages[0].formats);
}

TEST(Description, WhatIsReadIsWhatWasWritten) {
  EnvironmentDescription environment = example();
  environment.extras = {{"pypi", {"--pre"}}};
  environment.full_id_unique_keys = {{"uv_lock_content", "33"}};
  environment.accurate_source = false;
  const std::string text = write_description(environment);
  const EnvironmentDescription again = must(read_description(text, "linux-64"));
  EXPECT_EQ(write_description(again), text);
  EXPECT_EQ(full_id(again), full_id(environment));
  EXPECT_EQ(again.platform, "linux-64");
}

TEST(Description, OlderDocumentsAreRead) {
  const EnvironmentDescription environment = must(read_description(
      R"({"deps": ["pip::requests==2"], "sources": ["pip::https://x"], "packages": [)"
      R"({"_type": "pip", "filename": "a-1-py3-none-any", "url": "https://x/a-1-py3-none-any.whl",)"
      R"( "url_format": ".whl", "hashes": {}}], "resolved_on": "x", "resolved_by": "y",)"
      R"( "resolved_archs": ["linux-64"], "env_type": "pip-only", "unknown": [1]})",
      "linux-64"));
  EXPECT_EQ(environment.deps.at("pypi"), std::vector<std::string>{"requests==2"});
  EXPECT_EQ(environment.packages[0].type, PackageType::pypi);
  EXPECT_EQ(environment.env_type, "pypi-only");
}

TEST(Description, ABrokenDocumentIsCorruptAndSaysWhere) {
  struct Case {
    const char* name;
    const char* from;
    const char* to;
    const char* message;
  };
  const Case cases[] = {
      {"not JSON", "{\"deps\"", "{deps", "line 1"},
      {"no packages", "\"packages\"", "\"package\"", "packages"},
      {"a package without hashes", "\"hashes\"", "\"hash\"", "packages[0].hashes"},
      {"a hash of the wrong length", "2e5b81671cc2b53177b94b258b1658b2", "2e5b", "32 hexadecimal"},
      {"a format of the other type", "\"url_format\": \".tar.bz2\"", "\"url_format\": \".whl\"",
       "packages[0].url_format"},
      {"a spec without category", "conda::zlib", "zlib", "category::spec"},
      {"an unknown type", "\"_type\": \"conda\"", "\"_type\": \"npm\"", "packages[0]._type"},
      {"cached but without a hash", "\"hashes\": {\".tar.bz2\"", "\"hashes\": {\".conda\"",
       "cache_info"},
      {"platforms that aren't strings", "[\"linux-64\"]", "[7]", "resolved_archs"},
      {"an environment type that readers don't know", "\"mixed\"", "\"other\"", "env_type"},
  };
  for (const Case& c : cases) {
    std::string text = write_description(example());
    text.replace(text.find(c.from), std::string_view(c.from).size(), c.to);
    const auto result = read_description(text, "linux-64");
    ASSERT_FALSE(result.ok()) << c.name;
    EXPECT_EQ(result.error().kind, ErrorKind::corrupt) << c.name;
    EXPECT_NE(result.error().message.find(c.message), std::string::npos)
        << c.name << ": " << result.error().message;
  }
}

TEST(Ids, OrderOfSpecsAndChannelsDoesNotMatterToTheRequirementId) {
  EXPECT_EQ(requirement_id({{"conda", {"python==3.10.*"}}}, {{"conda", {"conda-forge"}}}, {}),
            "2c436437971a1fcd9bf12b8d43f6267bcba64c0a");
  EXPECT_EQ(requirement_id({{"conda", {"numpy==1.21.5", "pandas==>=1.4,<2", "python==3.10.*"}},
                            {"sys", {"__glibc==2.27=0"}}},
                           {{"conda", {"conda-forge"}}}, {}),
            "96c72d9716d3175aea1ebfce4c64d59e21864ee1");
  EXPECT_EQ(requirement_id({{"conda", {"python==3.10.*", "pandas==>=1.4,<2", "numpy==1.21.5"}},
                            {"npconda", {}},
                            {"sys", {"__glibc==2.27=0"}}},
                           {{"conda", {"conda-forge"}}}, {}),
            "96c72d9716d3175aea1ebfce4c64d59e21864ee1");
  EXPECT_EQ(requirement_id({}, {}, {}), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(Ids, ThePackagesHashInItsUrlsFormatMakesTheFullId) {
  EnvironmentDescription environment = example();
  const std::string id = full_id(environment);
  std::ranges::reverse(environment.packages);
  EXPECT_EQ(full_id(environment), id) << "installation order";
  environment.packages[0].formats.push_back(
      {.format = Format::tar_bz2, .hash = std::string(k_md5_a), .key = "elsewhere"});
  EXPECT_EQ(full_id(environment), id) << "the other format";
  environment.packages[0].formats[0].hash = std::string(k_md5_a);
  EXPECT_NE(full_id(environment), id) << "other bytes";
}

TEST(Ids, EnvironmentsResolvedTogetherShareAnIdThatNoneHasAlone) {
  EnvironmentDescription linux = example();
  EnvironmentDescription mac = example();
  mac.platform = "osx-arm64";
  const std::string id = coresolved_full_id({&linux, &mac});
  EXPECT_EQ(coresolved_full_id({&mac, &linux}), id);
  EXPECT_NE(id, full_id(linux));
  EXPECT_NE(id, full_id(mac));
  // Of one platform it is another text than the environment's own: the platform stands in front.
  EXPECT_NE(coresolved_full_id({&linux}), full_id(linux));
}

TEST(Ids, TheTypeFollowsFromTheRequirements) {
  struct Case {
    const char* name;
    DescribedSpecs deps;
    const char* type;
  };
  const Case cases[] = {
      {"only conda", {{"conda", {"zlib"}}}, "conda-only"},
      {"nothing", {}, "conda-only"},
      {"python and pypi", {{"conda", {"python==3.8.*"}}, {"pypi", {"a"}}}, "pypi-only"},
      {"the old name of pypi", {{"conda", {"python==3.8.*"}}, {"pip", {"a"}}}, "pypi-only"},
      {"conda and pypi", {{"conda", {"python==3.8.*", "zlib"}}, {"pypi", {"a"}}}, "mixed"},
      {"an empty category", {{"conda", {"python", "zlib"}}, {"pypi", {}}}, "conda-only"},
  };
  for (const Case& c : cases) {
    EnvironmentDescription environment;
    environment.deps = c.deps;
    EXPECT_EQ(environment_type(environment), c.type) << c.name;
  }
}

TEST(Alias, IsTwoIdsInEightyEightBytes) {
  const std::string a(40, 'a');
  const std::string b(40, 'b');
  const std::string text = write_alias(a, b);
  EXPECT_EQ(text, "[\"" + a + "\", \"" + b + "\"]");
  EXPECT_EQ(text.size(), 88U);
  EXPECT_EQ(must(read_alias(text)).req_id, a);
  EXPECT_EQ(must(read_alias(text)).full_id, b);
}

TEST(Alias, WhatIsNoAliasIsCorrupt) {
  const std::string a(40, 'a');
  for (const std::string& text : {std::string(), std::string("[]"), "[\"" + a + "\"]",
                                  "[\"" + a + "\", 7]", "[\"" + a + "\", \"_default\"]",
                                  "{\"" + a + "\": \"" + a + "\"}", std::string(9000, '[')}) {
    const auto result = read_alias(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::corrupt);
  }
}

}  // namespace
}  // namespace athanor
