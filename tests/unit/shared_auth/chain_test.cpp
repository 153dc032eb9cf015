#include "shared/auth/chain.hpp"

#include "shared/base/base64.hpp"
#include "tests/unit/shared_auth/places.hpp"

#include <gmock/gmock.h>

namespace athanor {
namespace {

using test::must;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string basic(std::string_view user_and_password) {
  return "Basic " + base64_encode(user_and_password);
}

class ChainTest : public test::Places {
 protected:
  CredentialSources sources() {
    return {.environment = environment(),
            .working_directory = scratch.path(),
            .system_file = scratch.path() / "etc/athanor/credentials.toml"};
  }
  std::shared_ptr<const CredentialChain> load() {
    const CondaConfig conda =
        must(load_conda_config({.environment = environment(), .system_root = scratch.path()}));
    return must(CredentialChain::load(sources(), conda));
  }
  AuthorizedUrl authorize(const std::string& url) { return load()->authorize(url); }
};

TEST_F(ChainTest, WhoKnowsNothingSendsNothing) {
  const AuthorizedUrl access = authorize("https://host.example.com/x/noarch/a-1-0.conda?q=1");
  EXPECT_EQ(access.url, "https://host.example.com/x/noarch/a-1-0.conda?q=1");
  EXPECT_EQ(access.authorization, std::nullopt);
  EXPECT_EQ(access.link, "");
}

TEST_F(ChainTest, OurOwnFileHasThreeKindsAndThreeWaysToNameASecret) {
  write("secrets/bearer", "from-a-file\n");
  variables["REPO_TOKEN"] = "tk-variable";
  write("home/.config/athanor/credentials.toml",
        "[\"basic.example.com\"]\nuser = \"ann\"\npassword = \"p:w\"\n"
        "[\"bearer.example.com\"]\nbearer_file = \"" +
            (scratch.path() / "secrets/bearer").string() +
            "\"\n"
            "[\"token.example.com\"]\ntoken_variable = \"REPO_TOKEN\"\n");
  EXPECT_EQ(authorize("https://basic.example.com/x").authorization, basic("ann:p:w"));
  EXPECT_EQ(authorize("https://bearer.example.com/x").authorization, "Bearer from-a-file");
  const AuthorizedUrl token = authorize("https://token.example.com/x/y");
  EXPECT_EQ(token.url, "https://token.example.com/t/tk-variable/x/y");
  EXPECT_EQ(token.authorization, std::nullopt);
  EXPECT_EQ(token.link, "settings");
  EXPECT_THAT(token.where, EndsWith("credentials.toml:6"));
}

TEST_F(ChainTest, TheMostExactEntryOfAFileIsUsed) {
  write("home/.config/athanor/credentials.toml",
        "[\"*.example.com\"]\nbearer = \"wild\"\n"
        "[\"*.deep.example.com\"]\nbearer = \"deeper\"\n"
        "[\"a.example.com\"]\nbearer = \"host\"\n"
        "[\"a.example.com:8443\"]\nbearer = \"port\"\n"
        "[\"a.example.com/private\"]\nbearer = \"path\"\n"
        "[\"https://tls.example.org\"]\nbearer = \"tls\"\n");
  for (const auto& [url, expected] :
       std::map<std::string, std::string>{{"https://a.example.com/x", "host"},
                                          {"http://A.EXAMPLE.com/x", "host"},
                                          {"https://a.example.com:8443/x", "port"},
                                          {"https://a.example.com/private/x", "path"},
                                          {"https://a.example.com/privateer/x", "host"},
                                          {"https://b.example.com/x", "wild"},
                                          {"https://example.com/x", "wild"},
                                          {"https://x.deep.example.com/x", "deeper"},
                                          {"https://badexample.com/x", ""},
                                          {"https://tls.example.org/x", "tls"},
                                          {"http://tls.example.org/x", ""},
                                          {"https://a.example.com.evil.example.net/x", ""}}) {
    SCOPED_TRACE(url);
    const auto access = authorize(url);
    EXPECT_EQ(access.authorization.value_or(""), expected.empty() ? "" : "Bearer " + expected);
  }
}

TEST_F(ChainTest, OurOwnFileIsReadStrictlyAndQuietly) {
  for (const std::string text :
       {"[\"h\"]\nbearer = hush\n", "[\"h\"]\nbearer = \"\"\n", "h = \"hush\"\n",
        "[\"h\"]\npassword = \"hush\"\n", "[\"h\"]\nuser = \"hush\"\n",
        "[\"h\"]\nbearer = \"hush\"\ntoken = \"hush\"\n", "[\"h\"]\nbaerer = \"hush\"\n",
        "[\"h\"]\nbearer = \"hush\\u0007\"\n", "[\"h\"]\nbearer_file = \"/no/such/file\"\n",
        "[\"h\"]\nbearer_variable = \"UNSET\"\n", "[\"h\"]\n"}) {
    SCOPED_TRACE(text);
    write("home/.config/athanor/credentials.toml", text);
    const auto chain = CredentialChain::load(sources(), {});
    ASSERT_FALSE(chain.ok());
    EXPECT_EQ(chain.error().kind, ErrorKind::invalid);
    EXPECT_THAT(chain.error().to_string(),
                AllOf(HasSubstr("credentials.toml:"), Not(HasSubstr("hush"))));
  }
}

TEST_F(ChainTest, AFileThatIsNamedMustBeThereAndReplacesTheOthers) {
  write("home/.config/athanor/credentials.toml", "[\"h.example.com\"]\nbearer = \"home\"\n");
  write("etc/athanor/credentials.toml",
        "[\"h.example.com\"]\nbearer = \"system\"\n[\"s.example.com\"]\nbearer = \"system\"\n");
  EXPECT_EQ(authorize("https://h.example.com/").authorization, "Bearer home");
  EXPECT_EQ(authorize("https://s.example.com/").authorization, "Bearer system");
  CredentialSources named = sources();
  named.file = "mine.toml";
  EXPECT_EQ(CredentialChain::load(named, {}).error().kind, ErrorKind::not_found);
  write("mine.toml", "");
  EXPECT_EQ(must(CredentialChain::load(named, {}))->authorize("https://h.example.com/").link, "");
}

TEST_F(ChainTest, RattlersFileIsReadWithItsKindsAndWildcards) {
  write("home/.rattler/credentials.json", R"({
    "*.prefix.dev": {"BearerToken": "bear"},
    "otherhost.com": {"BasicHTTP": {"username": "u", "password": "p"}},
    "conda.anaconda.org": {"CondaToken": "tk-9"},
    "bucket": {"S3Credentials": {"access_key_id": "hush", "secret_access_key": "hush"}}})");
  EXPECT_EQ(authorize("https://repo.prefix.dev/x").authorization, "Bearer bear");
  EXPECT_EQ(authorize("https://prefix.dev/x").authorization, "Bearer bear");
  EXPECT_EQ(authorize("https://repo.notprefix.dev/x").authorization, std::nullopt);
  EXPECT_EQ(authorize("https://otherhost.com:8443/x").authorization, basic("u:p"));
  EXPECT_EQ(authorize("https://conda.anaconda.org/ann/noarch/a-1-0.conda").url,
            "https://conda.anaconda.org/t/tk-9/ann/noarch/a-1-0.conda");
  EXPECT_THAT(load()->warnings(),
              ElementsAre(AllOf(HasSubstr("'bucket'"), Not(HasSubstr("hush")))));
}

TEST_F(ChainTest, RattlersVariableReplacesItsFile) {
  write("home/.rattler/credentials.json", R"({"h.example.com": {"BearerToken": "home"}})");
  variables["RATTLER_AUTH_FILE"] =
      write("own.json", R"({"k.example.com": {"BearerToken": "own"}})");
  EXPECT_EQ(authorize("https://h.example.com/").authorization, std::nullopt);
  EXPECT_EQ(authorize("https://k.example.com/").authorization, "Bearer own");
  variables["RATTLER_AUTH_FILE"] = "/no/such/file";
  EXPECT_THAT(load()->warnings(), ElementsAre(HasSubstr("RATTLER_AUTH_FILE")));
}

TEST_F(ChainTest, MambasFileIsReadByHostPortAndPath) {
  write("home/.mamba/auth/authentication.json",
        R"({"h.example.com": {"type": "BearerToken", "token": "host"},
            "h.example.com:8443/private": {"type": "CondaToken", "token": "tk-1"},
            "b.example.com": {"type": "BasicHTTPAuthentication", "user": "u", "password": ")" +
            base64_encode(std::string_view("pass word")) + R"("},
            "bad.example.com": {"type": "BasicHTTPAuthentication", "password": "%%%"}})");
  EXPECT_EQ(authorize("https://h.example.com/x").authorization, "Bearer host");
  EXPECT_EQ(authorize("https://h.example.com:8443/private/x").url,
            "https://h.example.com:8443/t/tk-1/private/x");
  EXPECT_EQ(authorize("https://b.example.com/x").authorization, basic("u:pass word"));
  EXPECT_EQ(authorize("https://bad.example.com/x").authorization, std::nullopt);
}

TEST_F(ChainTest, CondarcsChannelsBringTheirCredentials) {
  write("home/.condarc",
        "custom_channels:\n"
        "  private: https://ann:pw@files.example.com/conda\n"
        "channel_alias: https://tok.example.com/t/tk-7\n");
  const AuthorizedUrl access =
      authorize("https://files.example.com/conda/private/noarch/a-1-0.conda");
  EXPECT_EQ(access.authorization, basic("ann:pw"));
  EXPECT_EQ(access.url, "https://files.example.com/conda/private/noarch/a-1-0.conda");
  EXPECT_EQ(access.link, "condarc");
  EXPECT_EQ(authorize("https://files.example.com/other/a-1-0.conda").link, "");
  EXPECT_EQ(authorize("https://tok.example.com/any/noarch/a-1-0.conda").url,
            "https://tok.example.com/t/tk-7/any/noarch/a-1-0.conda");
}

TEST_F(ChainTest, AnacondasTokensStandWhereCondaPutsThem) {
  write("home/.local/share/binstar/https%3A%2F%2Fapi.anaconda.org.token", "tk-ana");
  write("home/.local/share/binstar/https%3A%2F%2Frepo.example.com%2Frepo.token", "tk-repo\n");
  EXPECT_EQ(authorize("https://conda.anaconda.org/ann/noarch/a-1-0.conda").url,
            "https://conda.anaconda.org/t/tk-ana/ann/noarch/a-1-0.conda");
  EXPECT_EQ(authorize("https://repo.example.com/repo/main/noarch/a-1-0.conda").link, "anaconda");
  EXPECT_EQ(authorize("https://repo.example.com/repository/noarch/a-1-0.conda").link, "");
  write("home/.condarc", "add_anaconda_token: false\n");
  EXPECT_EQ(authorize("https://conda.anaconda.org/ann/noarch/a-1-0.conda").link, "");
  variables["BINSTAR_CONFIG_DIR"] = (scratch.path() / "own").string();
  write("home/.condarc", "");
  write("own/data/https%3A%2F%2Fb.example.com.token", "tk-own");
  EXPECT_EQ(authorize("https://b.example.com/ch/noarch/a-1-0.conda").url,
            "https://b.example.com/t/tk-own/ch/noarch/a-1-0.conda");
}

TEST_F(ChainTest, MetaflowsVariableAndItsProfileAreRead) {
  variables["METAFLOW_CONDA_SRCS_AUTH_INFO"] = R"({"m.example.com": ["u", "p"]})";
  EXPECT_EQ(authorize("https://m.example.com/x").authorization, basic("u:p"));
  EXPECT_EQ(authorize("https://m.example.com/x").link, "metaflow");
  variables.erase("METAFLOW_CONDA_SRCS_AUTH_INFO");
  variables["METAFLOW_PROFILE"] = "prod";
  write("home/.metaflowconfig/config_prod.json",
        R"({"METAFLOW_CONDA_SRCS_AUTH_INFO": {"n.example.com": ["v", "q"], "bad": "x"}})", 0644);
  EXPECT_EQ(authorize("https://n.example.com/x").authorization, basic("v:q"));
  EXPECT_THAT(load()->warnings(), ElementsAre(HasSubstr("'bad'")));
}

TEST_F(ChainTest, NetrcIsReadAsCurlReadsIt) {
  write("home/.netrc",
        "# a comment\n"
        "machine n.example.com login ann password \"p w\\\"\"\n"
        "macdef init\nmachine evil\n\n"
        "machine\n  two.example.com\n  password q\n  login bob\n");
  EXPECT_EQ(authorize("https://n.example.com:8443/x").authorization, basic("ann:p w\""));
  EXPECT_THAT(authorize("https://n.example.com/x").where, EndsWith(".netrc:2"));
  EXPECT_EQ(authorize("https://two.example.com/x").authorization, basic("bob:q"));
  EXPECT_EQ(authorize("https://sub.n.example.com/x").authorization, std::nullopt);
  variables["NETRC"] = write("own-netrc",
                             "machine o.example.com login o password o\n"
                             "default login any password any\n");
  EXPECT_EQ(authorize("https://o.example.com/x").authorization, basic("o:o"));
  EXPECT_EQ(authorize("https://n.example.com/x").authorization, basic("any:any"));
}

TEST_F(ChainTest, AUrlsOwnCredentialsComeLastButItsTokenBeforeConfiguredOnes) {
  write("home/.netrc", "machine n.example.com login ann password pw\n");
  write("home/.local/share/binstar/https%3A%2F%2Fn.example.com.token", "tk-other");
  const AuthorizedUrl token = authorize("https://n.example.com/t/tk-url/x/noarch/a-1-0.conda");
  EXPECT_EQ(token.url, "https://n.example.com/t/tk-url/x/noarch/a-1-0.conda");
  EXPECT_EQ(token.authorization, std::nullopt);
  EXPECT_EQ(token.link, "url-token");
  const AuthorizedUrl both = authorize("https://u:p%40@m.example.com/t/tk-url/x/a-1-0.conda");
  EXPECT_EQ(both.url, "https://m.example.com/t/tk-url/x/a-1-0.conda");
  EXPECT_EQ(both.authorization, basic("u:p@"));
  variables["BINSTAR_CONFIG_DIR"] = "/no/such/directory";
  const AuthorizedUrl netrc = authorize("https://u:p@n.example.com/x");
  EXPECT_EQ(netrc.authorization, basic("ann:pw"));
  EXPECT_EQ(netrc.url, "https://n.example.com/x");
  const AuthorizedUrl url = authorize("https://u:p%40@m.example.com/x");
  EXPECT_EQ(url.authorization, basic("u:p@"));
  EXPECT_EQ(url.url, "https://m.example.com/x");
  EXPECT_EQ(url.link, "url");
}

TEST_F(ChainTest, TheFirstLinkWinsAndTheRestIsExplained) {
  write("home/.config/athanor/credentials.toml", "[\"h.example.com\"]\ntoken = \"hush-1\"\n");
  write("home/.rattler/credentials.json", R"({"h.example.com": {"BearerToken": "hush-2"}})");
  write("home/.netrc", "machine h.example.com login ann password hush-3\n");
  const auto chain = load();
  EXPECT_EQ(chain->authorize("https://u:hush-4@h.example.com/t/hush-5/x/y").url,
            "https://h.example.com/t/hush-1/x/y");
  const auto reports = must(chain->explain("https://u:hush-4@h.example.com/t/hush-5/x/y"));
  std::vector<std::string> names;
  std::vector<std::string> matched;
  std::vector<std::string> used;
  for (const LinkReport& report : reports) {
    names.push_back(report.name);
    if (report.matched) {
      matched.push_back(report.name);
      EXPECT_THAT(report.would_send, Not(HasSubstr("hush"))) << report.name;
      EXPECT_THAT(report.would_send, HasSubstr("***")) << report.name;
    }
    if (report.used) {
      used.push_back(report.name);
    }
  }
  EXPECT_EQ(names, credential_link_names());
  EXPECT_THAT(matched, ElementsAre("settings", "rattler", "url-token", "netrc", "url"));
  EXPECT_THAT(used, ElementsAre("settings"));
}

TEST_F(ChainTest, LinksCanBeSwitchedOff) {
  write("home/.netrc", "machine h.example.com login ann password pw\n");
  CredentialSources only = sources();
  only.links = {"rattler"};
  const auto chain = must(CredentialChain::load(only, {}));
  const AuthorizedUrl access = chain->authorize("https://u:p@h.example.com/x");
  EXPECT_EQ(access.authorization, std::nullopt);
  EXPECT_EQ(access.url, "https://h.example.com/x");
}

TEST_F(ChainTest, OthersBrokenOrOpenFilesAreWarnedOfWithoutTheirContent) {
  write("home/.rattler/credentials.json", R"({"h": {"BearerToken": hush}})");
  write("home/.mamba/auth/authentication.json", "[\"hush\"]");
  write("home/.netrc", "machine h.example.com login hush password hush\n", 0644);
  const auto chain = load();
  EXPECT_THAT(chain->warnings(),
              ElementsAre(AllOf(HasSubstr(".rattler"), Not(HasSubstr("hush"))),
                          AllOf(HasSubstr(".mamba"), Not(HasSubstr("hush"))),
                          AllOf(HasSubstr("chmod 600"), Not(HasSubstr("hush")))));
  EXPECT_EQ(chain->authorize("https://h.example.com/x").link, "netrc");
}

TEST_F(ChainTest, OtherSchemesAreLeftAlone) {
  write("home/.netrc", "default login ann password pw\n");
  EXPECT_EQ(authorize("file:///t/x/y").url, "file:///t/x/y");
  EXPECT_EQ(authorize("s3://bucket/x").authorization, std::nullopt);
}

}  // namespace
}  // namespace athanor
