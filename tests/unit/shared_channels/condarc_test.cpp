#include "shared/channels/condarc.hpp"

#include "shared/os/files.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace athanor {
namespace {

using test::must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class CondarcTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path file = scratch.path() / name;
    must(make_directories(file.parent_path(), Durability::none));
    must(write_file(file, text));
  }
  CondaSources sources() {
    variables.try_emplace("HOME", (scratch.path() / "home").string());
    return {.environment =
                [this](std::string_view name) {
                  const auto found = variables.find(std::string(name));
                  return found == variables.end() ? std::nullopt : std::optional(found->second);
                },
            .working_directory = scratch.path(),
            .system_root = scratch.path()};
  }
  CondaConfig load() { return must(load_conda_config(sources())); }
  std::string shown_where(const CondaConfig& config, const std::string& name) {
    for (const CondaShown& shown : config.shown) {
      if (shown.name == name) {
        std::string where = shown.where;
        const std::string root = scratch.path().string() + "/";
        for (auto at = where.find(root); at != std::string::npos; at = where.find(root)) {
          where.erase(at, root.size());
        }
        return where;
      }
    }
    return "not shown";
  }

  test::ScratchDir scratch;
  std::map<std::string, std::string> variables;
};

TEST_F(CondarcTest, NothingAtAllIsCondasDefault) {
  const CondaConfig config = load();
  EXPECT_EQ(config.channels.channel_alias, "https://conda.anaconda.org");
  EXPECT_THAT(config.channels.channels, ElementsAre("defaults"));
  EXPECT_EQ(config.channels.default_channels, std::nullopt);
  EXPECT_THAT(config.shown, IsEmpty());
  EXPECT_TRUE(config.add_anaconda_token);
}

TEST_F(CondarcTest, EveryPlaceIsReadInCondasOrder) {
  variables = {{"CONDA_ROOT", (scratch.path() / "root").string()},
               {"XDG_CONFIG_HOME", (scratch.path() / "xdg").string()},
               {"CONDA_PREFIX", (scratch.path() / "prefix").string()},
               {"CONDARC", (scratch.path() / "own.yml").string()}};
  const std::vector<std::string> names = {
      "etc/conda/.condarc",        "etc/conda/condarc",
      "etc/conda/condarc.d/a.yml", "etc/conda/condarc.d/b.yaml",
      "var/lib/conda/.condarc",    "root/.condarc",
      "xdg/conda/condarc",         "home/.config/conda/.condarc",
      "home/.conda/.condarc",      "home/.condarc",
      "prefix/condarc.d/x.yml",    "own.yml"};
  for (const std::string& name : names) {
    write(name, "channels: ['" + name + "']\n");
  }
  write("etc/conda/condarc.d/ignored.txt", "channels: [no]\n");
  const CondaConfig config = load();
  std::vector<std::string> reversed(names.rbegin(), names.rend());
  EXPECT_EQ(config.channels.channels, reversed);
  EXPECT_EQ(config.files.size(), names.size());
}

TEST_F(CondarcTest, CondasProgramSaysWhereItsRootIs) {
  variables["CONDA_EXE"] = (scratch.path() / "root/bin/conda").string();
  write("root/.condarc", "channel_alias: https://root.example.com\n");
  EXPECT_EQ(load().channels.channel_alias, "https://root.example.com");
}

TEST_F(CondarcTest, TheLastPlaceWinsForValues) {
  write("etc/conda/.condarc", "channel_alias: https://system.example.com\nssl_verify: false\n");
  write("home/.condarc", "channel_alias: https://user.example.com\n");
  CondaConfig config = load();
  EXPECT_EQ(config.channels.channel_alias, "https://user.example.com");
  EXPECT_EQ(config.network.ssl_verify, CondaNetwork::Verify::off);
  EXPECT_EQ(shown_where(config, "channel_alias"), "home/.condarc:1");
  EXPECT_EQ(shown_where(config, "ssl_verify"), "etc/conda/.condarc:2");
  variables["CONDA_CHANNEL_ALIAS"] = "https://variable.example.com";
  config = load();
  EXPECT_EQ(config.channels.channel_alias, "https://variable.example.com");
  EXPECT_EQ(shown_where(config, "channel_alias"), "CONDA_CHANNEL_ALIAS");
}

TEST_F(CondarcTest, AFinalKeyCannotBeChangedLater) {
  write("etc/conda/.condarc",
        "channel_alias: https://system.example.com  #!final\n"
        "channels:  #!final\n"
        "  - company\n");
  write("home/.condarc", "channel_alias: https://user.example.com\nchannels: [mine]\n");
  variables["CONDA_CHANNELS"] = "other";
  const CondaConfig config = load();
  EXPECT_EQ(config.channels.channel_alias, "https://system.example.com");
  EXPECT_THAT(config.channels.channels, ElementsAre("company"));
}

TEST_F(CondarcTest, ListsAreJoinedWithTopAndBottomLines) {
  write("etc/conda/.condarc",
        "channels:\n"
        "  - a\n"
        "  - last  #!bottom\n"
        "  - first  #!top\n");
  write("home/.condarc",
        "channels:\n"
        "  - b\n"
        "  - second   #!top\n"
        "  - a\n"
        "  - before_last #!bottom\n");
  variables["CONDA_CHANNELS"] = "c, b";
  const CondaConfig config = load();
  EXPECT_THAT(config.channels.channels,
              ElementsAre("first", "second", "c", "b", "a", "before_last", "last"));
  EXPECT_EQ(shown_where(config, "channels"),
            "etc/conda/.condarc:4, home/.condarc:3, CONDA_CHANNELS, home/.condarc:4, "
            "home/.condarc:5, etc/conda/.condarc:3");
}

TEST_F(CondarcTest, MapsAreMergedEntryByEntryButFinalOnesStay) {
  write("etc/conda/.condarc",
        "custom_channels:\n"
        "  a: https://system.example.com/a  #!final\n"
        "  b: https://system.example.com/b\n"
        "proxy_servers:\n"
        "  http: http://proxy.example.com:3128\n");
  write("home/.condarc",
        "custom_channels:\n"
        "  a: https://user.example.com/a\n"
        "  b: https://user.example.com/b\n"
        "  c: https://user.example.com/c\n");
  const CondaConfig config = load();
  EXPECT_THAT(config.channels.custom_channels,
              ElementsAre(Pair("a", "https://system.example.com/a"),
                          Pair("b", "https://user.example.com/b"),
                          Pair("c", "https://user.example.com/c")));
  EXPECT_THAT(config.network.proxy_servers,
              ElementsAre(Pair("http", "http://proxy.example.com:3128")));
}

TEST_F(CondarcTest, VariablesInValuesAreExpandedAsPythonDoesIt) {
  variables["COMPANY_USER"] = "ann";
  variables["COMPANY_PW"] = "s3cret";
  write("home/.condarc",
        "channel_alias: https://${COMPANY_USER}:$COMPANY_PW@repo.example.com/$UNKNOWN/${ALSO}\n"
        "channels: [$COMPANY_USER/x]\n"
        "ssl_verify: ${HOME}/ca.pem\n"
        "custom_channels: {mine: 'https://$COMPANY_USER@h.example.com/$'}\n");
  const CondaConfig config = load();
  EXPECT_EQ(config.channels.channel_alias, "https://ann:s3cret@repo.example.com/$UNKNOWN/${ALSO}");
  EXPECT_THAT(config.channels.channels, ElementsAre("ann/x"));
  EXPECT_EQ(config.network.ca_bundle, scratch.path() / "home/ca.pem");
  EXPECT_THAT(config.channels.custom_channels,
              ElementsAre(Pair("mine", "https://ann@h.example.com/$")));
}

TEST_F(CondarcTest, EveryNetworkSettingIsRead) {
  write("home/.condarc",
        "verify_ssl: /etc/company.pem\n"
        "client_ssl_cert: ~/cert.pem\n"
        "client_ssl_cert_key: key.pem\n"
        "offline: yes\n"
        "remote_connect_timeout_secs: 9.15\n"
        "remote_read_timeout_secs: 120\n"
        "remote_max_retries: 5\n"
        "add_binstar_token: off\n"
        "pkgs_dirs: [/a, /b]\n"
        "custom_multichannels:\n"
        "  all: [x, https://y.example.com/z]\n"
        "mirrored_channels:\n"
        "  conda-forge:\n"
        "    - https://m.example.com/conda-forge\n"
        "default_channels: []\n"
        "whitelist_channels: [conda-forge]\n");
  const CondaConfig config = load();
  EXPECT_EQ(config.network.ssl_verify, CondaNetwork::Verify::bundle);
  EXPECT_EQ(config.network.ca_bundle, "/etc/company.pem");
  EXPECT_EQ(config.network.client_certificate, scratch.path() / "home/cert.pem");
  EXPECT_EQ(config.network.client_key, scratch.path() / "key.pem");
  EXPECT_EQ(config.network.offline, true);
  EXPECT_EQ(config.network.connect_timeout, std::chrono::milliseconds(9150));
  EXPECT_EQ(config.network.read_timeout, std::chrono::seconds(120));
  EXPECT_EQ(config.network.max_retries, 5U);
  EXPECT_FALSE(config.add_anaconda_token);
  EXPECT_THAT(config.pkgs_dirs, ElementsAre("/a", "/b"));
  EXPECT_THAT(config.channels.custom_multichannels,
              ElementsAre(Pair("all", ElementsAre("x", "https://y.example.com/z"))));
  EXPECT_THAT(config.channels.mirrored_channels,
              ElementsAre(Pair("conda-forge", ElementsAre("https://m.example.com/conda-forge"))));
  EXPECT_EQ(config.channels.default_channels, std::vector<std::string>());
  EXPECT_THAT(config.channels.allowlist_channels, ElementsAre("conda-forge"));
  EXPECT_THAT(config.warnings, IsEmpty());
}

TEST_F(CondarcTest, ValuesOfAWrongKindAreLeftOutWithAWarning) {
  write("home/.condarc",
        "channels: conda-forge\n"
        "channel_alias: [a]\n"
        "offline: perhaps\n"
        "remote_max_retries: many\n"
        "custom_channels:\n"
        "  a: [b]\n"
        "  c: https://c.example.com\n"
        "unknown_key: {any: thing}\n");
  variables["CONDA_PROXY_SERVERS"] = "http=x";
  const CondaConfig config = load();
  EXPECT_THAT(config.channels.channels, ElementsAre("defaults"));
  EXPECT_EQ(config.network.offline, std::nullopt);
  EXPECT_THAT(config.channels.custom_channels, ElementsAre(Pair("c", "https://c.example.com")));
  EXPECT_THAT(config.warnings, ::testing::UnorderedElementsAre(
                                   HasSubstr("channels ("), HasSubstr("channel_alias ("),
                                   HasSubstr("offline ("), HasSubstr("remote_max_retries"),
                                   HasSubstr("'a'"), HasSubstr("CONDA_PROXY_SERVERS")));
}

TEST_F(CondarcTest, ABrokenFileIsNamedWithItsLineAndAWayOut) {
  for (const auto& [name, text] :
       std::map<std::string, std::string>{{"not yaml", "channels: [a\nb: }"},
                                          {"a list", "\n- a\n"},
                                          {"twice", "\nchannels: [a]\nchannels: [b]\n"},
                                          {"alias", "a: &x 1\nb: *x\n"}}) {
    SCOPED_TRACE(name);
    write("home/.condarc", text);
    const auto loaded = load_conda_config(sources());
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().kind, ErrorKind::invalid);
    EXPECT_THAT(loaded.error().message, HasSubstr("home/.condarc:"));
    EXPECT_THAT(loaded.error().hint, HasSubstr("ATHANOR_CONDA_CONFIG"));
  }
  write("home/.condarc", "# only a comment\n");
  EXPECT_TRUE(load_conda_config(sources()).ok());
  std::string deep = "a: ";
  for (int i = 0; i < 1000; ++i) {
    deep += "[";
  }
  write("home/.condarc", deep);
  EXPECT_FALSE(load_conda_config(sources()).ok());
}

}  // namespace
}  // namespace athanor
