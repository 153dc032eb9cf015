#include "shared/auth/access.hpp"

#include "shared/base/units.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/unit/shared_auth/places.hpp"

#include <gmock/gmock.h>

namespace athanor {
namespace {

using test::must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class AccessTest : public test::Places {
 protected:
  void set(config::SettingBase& setting, const std::string& text) {
    must(setting.assign_text(text, {config::Layer::flag, "--" + setting.info().name}));
  }
  Result<Access> try_load() {
    return load_access(settings, {.environment = environment(),
                                  .working_directory = scratch.path(),
                                  .system_root = scratch.path()});
  }
  Access load() { return must(try_load()); }
  std::optional<std::string> proxy(const std::string& url) {
    return proxy_for(load().network.proxies, url);
  }

  config::Settings settings;
};

TEST_F(AccessTest, NothingSaidIsDirectVerifiedAndPatient) {
  const Access access = load();
  EXPECT_EQ(proxy("https://h.example.com/"), std::nullopt);
  EXPECT_EQ(access.network.tls, TlsVerification::on);
  EXPECT_EQ(access.network.ca_bundle, "");
  EXPECT_EQ(access.network.connect_timeout, limits::k_connect_timeout);
  EXPECT_EQ(access.network.stall_timeout, limits::k_stall_timeout);
  EXPECT_FALSE(access.network.offline);
  EXPECT_THAT(access.warnings, IsEmpty());
}

TEST_F(AccessTest, ProxiesComeFromSettingsThenVariablesThenConda) {
  write("home/.condarc",
        "proxy_servers:\n  http: http://conda:1\n  https: http://conda:2\n"
        "  https://special.example.com: http://conda:3\n");
  EXPECT_EQ(proxy("https://h.example.com/"), "http://conda:2");
  variables["HTTPS_PROXY"] = "http://variable:2";
  variables["no_proxy"] = ".internal";
  EXPECT_EQ(proxy("https://h.example.com/"), "http://variable:2");
  EXPECT_EQ(proxy("http://h.example.com/"), "http://conda:1");
  EXPECT_EQ(proxy("https://special.example.com/"), "http://conda:3");
  EXPECT_EQ(proxy("https://a.internal/"), std::nullopt);
  set(settings.proxy, "http://ours:9");
  EXPECT_EQ(proxy("https://h.example.com/"), "http://ours:9");
  EXPECT_EQ(proxy("https://a.internal/"), std::nullopt);
  set(settings.no_proxy, "h.example.com");
  EXPECT_EQ(proxy("https://h.example.com/"), std::nullopt);
  EXPECT_EQ(proxy("https://a.internal/"), "http://ours:9");
  set(settings.proxy, "none");
  EXPECT_EQ(proxy("https://a.internal/"), std::nullopt);
}

TEST_F(AccessTest, CertificatesComeFromSettingsThenVariablesThenConda) {
  const std::string conda = write("conda.pem", "x");
  const std::string variable = write("variable.pem", "x");
  const std::string ours = write("ours.pem", "x");
  write("home/.condarc", "ssl_verify: " + conda + "\nclient_ssl_cert: " + conda + "\n");
  EXPECT_EQ(load().network.ca_bundle, conda);
  EXPECT_EQ(load().network.client_certificate, conda);
  variables["SSL_CERT_FILE"] = "/not/asked";
  variables["REQUESTS_CA_BUNDLE"] = variable;
  EXPECT_EQ(load().network.ca_bundle, variable);
  EXPECT_EQ(load().network.ca_bundle_where, "REQUESTS_CA_BUNDLE");
  set(settings.ca_bundle, ours);
  EXPECT_EQ(load().network.ca_bundle, ours);
}

TEST_F(AccessTest, CertificatesThatAreNotThereStopEverything) {
  variables["SSL_CERT_FILE"] = "/no/such/bundle.pem";
  const auto access = try_load();
  ASSERT_FALSE(access.ok());
  EXPECT_THAT(access.error().message, HasSubstr("SSL_CERT_FILE"));
  variables.clear();
  set(settings.client_key, "/no/such/key");
  EXPECT_EQ(try_load().error().kind, ErrorKind::invalid);
}

TEST_F(AccessTest, CondaAloneCannotSwitchVerifyingOff) {
  write("home/.condarc", "ssl_verify: false\n");
  EXPECT_EQ(load().network.tls, TlsVerification::on);
  EXPECT_THAT(load().warnings, ElementsAre(HasSubstr("not obeyed")));
  set(settings.tls_verification, "off");
  EXPECT_EQ(load().network.tls, TlsVerification::off);
  EXPECT_THAT(load().warnings, ElementsAre(HasSubstr("NOT VERIFIED")));
}

TEST_F(AccessTest, TimeoutsAndOfflineAreTakenFromCondaUnlessOursAreSet) {
  write("home/.condarc",
        "remote_connect_timeout_secs: 2.5\nremote_read_timeout_secs: 7\noffline: true\n");
  EXPECT_EQ(load().network.connect_timeout, std::chrono::milliseconds(2500));
  EXPECT_EQ(load().network.stall_timeout, std::chrono::seconds(7));
  EXPECT_TRUE(load().network.offline);
  set(settings.stall_timeout, "9s");
  set(settings.offline, "false");
  EXPECT_EQ(load().network.stall_timeout, std::chrono::seconds(9));
  EXPECT_FALSE(load().network.offline);
}

TEST_F(AccessTest, CondasConfigurationCanBeLeftOut) {
  write("home/.condarc", "channel_alias: https://c.example.com\noffline: true\n: [broken");
  EXPECT_FALSE(try_load().ok());
  set(settings.conda_config, "false");
  EXPECT_EQ(load().conda.channels.channel_alias, "https://conda.anaconda.org");
  EXPECT_FALSE(load().network.offline);
}

TEST_F(AccessTest, AnOfflineClientAsksNobody) {
  test::ImposterOrigin origin;
  origin.serve("/f", "x");
  const HttpSink sink = [](std::span<const std::uint8_t>) -> Result<void> { return {}; };
  const HttpRequest request{.url = origin.url("/f"), .max_body_bytes = 1_MiB};
  auto client = must(make_origin_http_client(load(), {.file_urls = FileUrls::allow}));
  EXPECT_EQ(must(client->perform(request, sink, {})).status, 200);
  set(settings.offline, "true");
  client = must(make_origin_http_client(load(), {.file_urls = FileUrls::allow}));
  const auto refused = client->perform(request, sink, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::rejected);
  EXPECT_THAT(refused.error().message, HasSubstr("network.offline"));
  EXPECT_EQ(origin.total_requests(), 1U);
  const std::string file = write("local", "x");
  EXPECT_EQ(
      must(client->perform({.url = "file://" + file, .max_body_bytes = 1_MiB}, sink, {})).status,
      200);
}

TEST_F(AccessTest, CredentialsAreSentThroughAProxyThatTheTableNames) {
  test::ImposterOrigin proxy_server;
  proxy_server.on_any([](const test::OriginRequest&) { return test::answer(200, "x"); });
  write("home/.netrc", "machine h.example.com login ann password pw\n");
  set(settings.proxy, proxy_server.url(""));
  const auto client = must(make_origin_http_client(load()));
  const HttpSink sink = [](std::span<const std::uint8_t>) -> Result<void> { return {}; };
  EXPECT_EQ(
      must(client->perform({.url = "http://h.example.com/f", .max_body_bytes = 1_MiB}, sink, {}))
          .status,
      200);
  ASSERT_EQ(proxy_server.log().size(), 1U);
  EXPECT_EQ(proxy_server.log()[0].target, "http://h.example.com/f");
  EXPECT_EQ(proxy_server.log()[0].headers["authorization"], "Basic YW5uOnB3");
}

TEST_F(AccessTest, AChildProcessIsToldWhatFlagsAndFilesSaid) {
  set(settings.proxy, "http://p:1");
  set(settings.no_proxy, "a,b");
  set(settings.auth_file, "mine.toml");
  set(settings.offline, "true");
  must(settings.stall_timeout.assign_text("9s", {config::Layer::project_file, "athanor.toml:1"}));
  must(settings.ca_bundle.assign_text("/x", {config::Layer::environment, "ATHANOR_CA_BUNDLE"}));
  EXPECT_THAT(access_variables(settings, "/project"),
              ElementsAre(Pair("ATHANOR_PROXY", "http://p:1"), Pair("ATHANOR_NO_PROXY", "a,b"),
                          Pair("ATHANOR_STALL_TIMEOUT", "9s"), Pair("ATHANOR_OFFLINE", "true"),
                          Pair("ATHANOR_AUTH_FILE", "/project/mine.toml")));
}

}  // namespace
}  // namespace athanor
