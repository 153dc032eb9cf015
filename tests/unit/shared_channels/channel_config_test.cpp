#include "shared/channels/channel_config.hpp"

#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor {
namespace {

using test::must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ChannelSettings company_settings() {
  return {.channel_alias = "https://repo.example.com/api/conda",
          .default_channels = std::vector<std::string>{"https://mirror.example.com/main", "tools"},
          .custom_channels = {{"darwin", "https://some.example.com/stuff"},
                              {"chuck", "http://another.example.com:8080/with/path"},
                              {"pkgs/pro", "https://repo.example.org"},
                              {"secret", "https://ann:pw@files.example.com/conda"},
                              {"tokened", "https://tok.example.com/t/tk-1-2/x"}},
          .custom_multichannels = {{"all", {"https://a.example.com/one", "two"}}},
          .migrated_channel_aliases = {"https://conda.anaconda.org", "http://old.example.com:8080"},
          .migrated_custom_channels = {{"darwin", "s3://just/cant"},
                                       {"chuck", "file:///var/lib/repo/"}}};
}

struct Row {
  std::string text;
  std::string name;
  std::string base_url;
  std::string subdir = {};
};

void expect_rows(const ChannelConfig& config, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    const auto channels = must(config.resolve(row.text));
    ASSERT_EQ(channels.size(), 1U);
    EXPECT_EQ(channels[0].name, row.name);
    EXPECT_EQ(channels[0].base_url, row.base_url);
    EXPECT_EQ(channels[0].subdir, row.subdir);
  }
}

std::vector<std::string> base_urls(const std::vector<Channel>& channels) {
  std::vector<std::string> urls;
  for (const Channel& channel : channels) {
    urls.push_back(channel.base_url);
  }
  return urls;
}

TEST(ChannelConfigTest, WithoutAnySettingsNamesMeanWhatTheyMeanToConda) {
  expect_rows(
      ChannelConfig(),
      {{"conda-forge", "conda-forge", "https://conda.anaconda.org/conda-forge"},
       {"conda-forge/", "conda-forge", "https://conda.anaconda.org/conda-forge"},
       {"conda-forge/linux-64", "conda-forge", "https://conda.anaconda.org/conda-forge",
        "linux-64"},
       {"conda-forge/label/dev", "conda-forge/label/dev",
        "https://conda.anaconda.org/conda-forge/label/dev"},
       {"conda-forge/label/dev/noarch", "conda-forge/label/dev",
        "https://conda.anaconda.org/conda-forge/label/dev", "noarch"},
       {"https://conda.anaconda.org/conda-forge", "conda-forge",
        "https://conda.anaconda.org/conda-forge"},
       {"http://conda.anaconda.org/conda-forge/osx-arm64/", "conda-forge",
        "http://conda.anaconda.org/conda-forge", "osx-arm64"},
       {"https://conda.anaconda.org/t/tk-1-2-3/ann/win-64/x-1-0.conda", "ann",
        "https://conda.anaconda.org/ann", "win-64"},
       {"pkgs/main", "defaults", "https://repo.anaconda.com/pkgs/main"},
       {"pkgs/pro", "pkgs/pro", "https://repo.anaconda.com/pkgs/pro"},
       {"https://repo.anaconda.com/pkgs/r", "defaults", "https://repo.anaconda.com/pkgs/r"},
       {"https://HOST.example.com:8443/a/b", "https://host.example.com:8443/a/b",
        "https://host.example.com:8443/a/b"},
       {"https://host.example.com", "https://host.example.com", "https://host.example.com"},
       {"https://host.example.com/conda/mine/linux-64", "https://host.example.com/conda/mine",
        "https://host.example.com/conda/mine", "linux-64"},
       {"file:///srv/channel/noarch", "file:///srv/channel", "file:///srv/channel", "noarch"},
       {"s3://bucket/channel", "s3://bucket/channel", "s3://bucket/channel"},
       {"oci://ghcr.io/channel-mirrors/conda-forge", "oci://ghcr.io/channel-mirrors/conda-forge",
        "oci://ghcr.io/channel-mirrors/conda-forge"}});
}

TEST(ChannelConfigTest, DefaultsAreCondasOwnAndWindowsHasOneMore) {
  const ChannelConfig config;
  EXPECT_THAT(
      base_urls(must(config.resolve("defaults"))),
      ElementsAre("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"));
  EXPECT_THAT(base_urls(must(config.resolve("defaults", "win-64"))),
              ElementsAre("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r",
                          "https://repo.anaconda.com/pkgs/msys2"));
  EXPECT_EQ(must(config.resolve("defaults/linux-64"))[1].subdir, "linux-64");
  EXPECT_EQ(must(config.resolve("defaults"))[0].name, "defaults");
}

TEST(ChannelConfigTest, ACompanysAliasesAndChannelsAreUsed) {
  expect_rows(
      ChannelConfig(company_settings()),
      {{"conda-forge", "conda-forge", "https://repo.example.com/api/conda/conda-forge"},
       {"https://repo.example.com/api/conda/x/linux-64", "x",
        "https://repo.example.com/api/conda/x", "linux-64"},
       {"https://repo.example.com/api/condax/y", "https://repo.example.com/api/condax/y",
        "https://repo.example.com/api/condax/y"},
       {"darwin", "darwin", "https://some.example.com/stuff/darwin"},
       {"chuck/label/main", "chuck/label/main",
        "http://another.example.com:8080/with/path/chuck/label/main"},
       {"chuck/label/main/linux-64", "chuck/label/main",
        "http://another.example.com:8080/with/path/chuck/label/main", "linux-64"},
       {"https://some.example.com/stuff/darwin/noarch/a-1-0.tar.bz2", "darwin",
        "https://some.example.com/stuff/darwin", "noarch"},
       {"https://some.example.com/stuff/darwinian", "https://some.example.com/stuff/darwinian",
        "https://some.example.com/stuff/darwinian"}});
}

TEST(ChannelConfigTest, WhatHasMovedIsFoundAtItsNewPlace) {
  expect_rows(ChannelConfig(company_settings()),
              {{"https://conda.anaconda.org/conda-forge/linux-64", "conda-forge",
                "https://repo.example.com/api/conda/conda-forge", "linux-64"},
               {"http://old.example.com:8080/bob", "bob", "https://repo.example.com/api/conda/bob"},
               {"s3://just/cant/darwin/osx-64", "darwin", "https://some.example.com/stuff/darwin",
                "osx-64"},
               {"file:///var/lib/repo/chuck/label/dev", "chuck/label/dev",
                "http://another.example.com:8080/with/path/chuck/label/dev"}});
}

TEST(ChannelConfigTest, MultichannelsStandForTheirParts) {
  const ChannelConfig config(company_settings());
  EXPECT_THAT(base_urls(must(config.resolve("all"))),
              ElementsAre("https://a.example.com/one", "https://repo.example.com/api/conda/two"));
  EXPECT_THAT(
      base_urls(must(config.resolve("defaults", "win-64"))),
      ElementsAre("https://mirror.example.com/main", "https://repo.example.com/api/conda/tools"));
  EXPECT_EQ(must(config.resolve("https://a.example.com/one"))[0].name, "all");
  EXPECT_THAT(base_urls(must(config.resolve_all({"two", "all", "darwin", "two"}))),
              ElementsAre("https://repo.example.com/api/conda/two", "https://a.example.com/one",
                          "https://some.example.com/stuff/darwin"));
}

TEST(ChannelConfigTest, CredentialsOfASettingGoIntoTheFetchUrlAndNowhereElse) {
  const ChannelConfig config(company_settings());
  const Channel secret = must(config.resolve("secret"))[0];
  EXPECT_EQ(secret.base_url, "https://files.example.com/conda/secret");
  EXPECT_EQ(secret.name, "secret");
  EXPECT_EQ(secret.fetch_url, "https://ann:pw@files.example.com/conda/secret");
  const Channel tokened = must(config.resolve("tokened"))[0];
  EXPECT_EQ(tokened.base_url, "https://tok.example.com/x/tokened");
  EXPECT_EQ(tokened.fetch_url, "https://tok.example.com/x/t/tk-1-2/tokened");
  const Channel spelled = must(config.resolve("https://u:p@host.example.com/t/tk-9/ch"))[0];
  EXPECT_EQ(spelled.base_url, "https://host.example.com/ch");
  EXPECT_EQ(spelled.name, "https://host.example.com/ch");
  EXPECT_EQ(spelled.fetch_url, "https://u:p@host.example.com/t/tk-9/ch");
}

TEST(ChannelConfigTest, APackagesUrlGetsItsChannelsCredentials) {
  const ChannelConfig config(company_settings());
  EXPECT_EQ(config.with_credentials("https://files.example.com/conda/secret/noarch/x-1-0.conda"),
            "https://ann:pw@files.example.com/conda/secret/noarch/x-1-0.conda");
  EXPECT_EQ(config.with_credentials("https://tok.example.com/x/tokened/noarch/x-1-0.conda"),
            "https://tok.example.com/x/t/tk-1-2/tokened/noarch/x-1-0.conda");
  EXPECT_EQ(config.with_credentials("http://files.example.com/conda/secret/noarch/x-1-0.conda"),
            std::nullopt);
  EXPECT_EQ(config.with_credentials("https://files.example.com/other/noarch/x-1-0.conda"),
            std::nullopt);
  EXPECT_EQ(config.with_credentials("https://bob:x@files.example.com/conda/secret/noarch/x.conda"),
            std::nullopt);
}

TEST(ChannelConfigTest, ATokenStandsBehindTheLocation) {
  const ChannelConfig config(company_settings());
  EXPECT_EQ(config.with_token("https://repo.example.com/api/conda/x/noarch/a-1-0.conda", "tk"),
            "https://repo.example.com/api/conda/t/tk/x/noarch/a-1-0.conda");
  EXPECT_EQ(config.with_token("https://conda.anaconda.org/ann/noarch/a-1-0.conda", "tk"),
            "https://conda.anaconda.org/t/tk/ann/noarch/a-1-0.conda");
  EXPECT_EQ(config.with_token("https://host.example.com/conda/x/noarch/a-1-0.conda?q=1", "tk"),
            "https://host.example.com/conda/t/tk/x/noarch/a-1-0.conda?q=1");
}

TEST(ChannelConfigTest, MirrorsKeepTheirOrder) {
  ChannelSettings settings;
  settings.mirrored_channels = {
      {"conda-forge",
       {"https://conda.anaconda.org/conda-forge", "https://fast.example.com/cf/",
        "oci://ghcr.io/channel-mirrors/conda-forge"}},
      {"https://host.example.com/ch", {"https://second.example.com/ch"}}};
  const ChannelConfig config(settings);
  EXPECT_THAT(
      must(config.resolve("conda-forge"))[0].mirrors,
      ElementsAre("https://fast.example.com/cf", "oci://ghcr.io/channel-mirrors/conda-forge"));
  EXPECT_THAT(config.mirrored("https://conda.anaconda.org/conda-forge/noarch/x-1-0.conda"),
              ElementsAre("https://fast.example.com/cf/noarch/x-1-0.conda",
                          "oci://ghcr.io/channel-mirrors/conda-forge/noarch/x-1-0.conda"));
  EXPECT_THAT(config.mirrored("https://host.example.com/ch/linux-64/x-1-0.tar.bz2"),
              ElementsAre("https://second.example.com/ch/linux-64/x-1-0.tar.bz2"));
  EXPECT_TRUE(config.mirrored("https://host.example.com/other/noarch/x-1-0.conda").empty());
}

TEST(ChannelConfigTest, AMirrorsCredentialsAreKnownForItsUrls) {
  ChannelSettings settings;
  settings.mirrored_channels = {
      {"conda-forge",
       {"https://ann:pw@fast.example.com/cf/", "https://slow.example.com/t/tk-1/repo/cf"}}};
  const ChannelConfig config(settings);
  EXPECT_EQ(config.with_credentials("https://fast.example.com/cf/noarch/x-1-0.conda"),
            "https://ann:pw@fast.example.com/cf/noarch/x-1-0.conda");
  EXPECT_EQ(config.with_credentials("https://slow.example.com/repo/cf/linux-64/repodata.json"),
            "https://slow.example.com/t/tk-1/repo/cf/linux-64/repodata.json");
  EXPECT_EQ(config.with_credentials("http://fast.example.com/cf/noarch/x-1-0.conda"), std::nullopt);
  EXPECT_EQ(config.with_credentials("https://fast.example.com/cfx/noarch/x-1-0.conda"),
            std::nullopt);
}

TEST(ChannelConfigTest, PathsAreChannels) {
  ChannelSettings settings;
  settings.working_directory = "/work here";
  settings.home = "/home/ann";
  const ChannelConfig config(settings);
  EXPECT_EQ(must(config.resolve("./ch"))[0].base_url, "file:///work%20here/ch");
  EXPECT_EQ(must(config.resolve("../ch/noarch"))[0].base_url, "file:///ch");
  EXPECT_EQ(must(config.resolve("~/ch"))[0].base_url, "file:///home/ann/ch");
  EXPECT_EQ(must(config.resolve("/srv/ch"))[0].base_url, "file:///srv/ch");
}

TEST(ChannelConfigTest, AllowedAndForbiddenChannelsAreKept) {
  ChannelSettings settings;
  settings.denylist_channels = {"defaults", "https://bad.example.com/x"};
  const ChannelConfig denying(settings);
  EXPECT_EQ(denying.resolve("defaults").error().kind, ErrorKind::rejected);
  EXPECT_EQ(denying.resolve("https://repo.anaconda.com/pkgs/main").error().kind,
            ErrorKind::rejected);
  EXPECT_EQ(denying.resolve("https://bad.example.com/x").error().kind, ErrorKind::rejected);
  EXPECT_TRUE(denying.resolve("conda-forge").ok());
  settings.denylist_channels.clear();
  settings.allowlist_channels = {"conda-forge"};
  const ChannelConfig allowing(settings);
  EXPECT_TRUE(allowing.resolve("https://conda.anaconda.org/conda-forge").ok());
  EXPECT_EQ(allowing.resolve("bioconda").error().kind, ErrorKind::rejected);
}

TEST(ChannelConfigTest, WhatIsNoChannelIsRefusedWithoutItsSecrets) {
  const ChannelConfig config;
  for (const std::string text :
       {"", " ", "/", "a b", "gopher://host/x", "https://", "a\nb", "x?y"}) {
    if (text == "/") {
      continue;  // the root directory is a path
    }
    const auto resolved = config.resolve(text);
    ASSERT_FALSE(resolved.ok()) << text;
    EXPECT_EQ(resolved.error().kind, ErrorKind::invalid) << text;
  }
  const auto bad = config.resolve("gopher://ann:hush@host/t/hush/x");
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().to_string(), ::testing::Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace athanor
