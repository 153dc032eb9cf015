#include "shared/os/files.hpp"
#include "shared/store/azure_store.hpp"
#include "shared/store/encoding.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor {
namespace {

using test::must;
using ::testing::HasSubstr;
using Environment = std::map<std::string, std::string, std::less<>>;

EnvironmentLookup lookup_in(const Environment& environment) {
  return [&environment](std::string_view name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
}

AzureSettings settings_of(const std::string& url, const Environment& environment) {
  return must(AzureSettings::make(must(StoreUrl::parse(url, AzureSettings::names())),
                                  lookup_in(environment)));
}

TEST(AzureSettings, ComeFromUrlConnectionStringAndEnvironment) {
  auto settings = settings_of("az://c/p?account=acct", {});
  EXPECT_EQ(settings.endpoint, "https://acct.blob.core.windows.net");
  EXPECT_EQ(settings.prefix, "p/");
  EXPECT_FALSE(settings.shared_key.has_value());
  settings = settings_of("az://c", {{"AZURE_STORAGE_CONNECTION_STRING",
                                     "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9v;"
                                     "EndpointSuffix=core.chinacloudapi.cn"}});
  EXPECT_EQ(settings.endpoint, "https://a.blob.core.chinacloudapi.cn");
  EXPECT_EQ(settings.shared_key->key.size(), 3U);
  settings = settings_of("az://c", {{"AZURE_STORAGE_ACCOUNT", "a"},
                                    {"AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=a%2Bb%3D"}});
  ASSERT_EQ(settings.sas.size(), 2U);
  EXPECT_EQ(settings.sas[1].second, "a+b=");
  const auto none = AzureSettings::make(must(StoreUrl::parse("az://c", AzureSettings::names())),
                                        [](std::string_view) { return std::nullopt; });
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::invalid);
}

TEST(AzureSignature, CoversWhatTheSchemeSays) {
  const AzureSharedKey key{.account = "acct", .key = *base64_decode("a2V5")};
  const AzureRequest request{
      .method = "PUT",
      .encoded_path = "/c/k%20x",
      .query = {{"Timeout", "30"}, {"comp", "block"}},
      .headers = {{"x-ms-date", "D"}, {"x-ms-version", "V"}, {"Content-MD5", "M"}, {"Range", "R"}},
      .content_length = 7};
  const std::string text =
      "PUT\n\n\n7\nM\n\n\n\n\n\n\nR\nx-ms-date:D\nx-ms-version:V\n/acct/c/k%20x\ncomp:block\n"
      "timeout:30";
  EXPECT_EQ(sign_azure_shared_key(request, key),
            "SharedKey acct:" + base64_encode(hmac_sha256(as_bytes("key"), text).bytes));
}

class AzureIdentityTest : public testing::Test {
 protected:
  AzureIdentityTest() {
    origin.on("/c", [](const test::OriginRequest& request) {
      const auto found = request.headers.find("authorization");
      return found != request.headers.end() && found->second == "Bearer good"
                 ? test::answer(200, "<EnumerationResults><Blobs/></EnumerationResults>")
                 : test::answer(401);
    });
    environment["METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT"] = origin.url("");
    environment["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = origin.url("/imds");
  }
  Result<std::unique_ptr<Store>> open() {
    CloudServices services = must(real_cloud_services(""));
    services.environment = lookup_in(environment);
    services.sleep = [](std::chrono::milliseconds, std::stop_token) { return Result<void>(); };
    return AzureStore::open("az://c", std::move(services));
  }

  test::ImposterOrigin origin;
  test::ScratchDir dir;
  Environment environment;
};

TEST_F(AzureIdentityTest, AWorkloadIdentityIsExchangedForAToken) {
  must(write_file(dir / "token", "assertion\n"));
  environment["AZURE_FEDERATED_TOKEN_FILE"] = (dir / "token").string();
  environment["AZURE_TENANT_ID"] = "tenant";
  environment["AZURE_CLIENT_ID"] = "client";
  environment["AZURE_AUTHORITY_HOST"] = origin.url("/login/");
  origin.script("/login/tenant/oauth2/v2.0/token",
                {test::answer(200, R"({"access_token":"good","expires_in":3600})")});
  must(open());
  const std::string body = origin.log()[0].body;
  for (const char* part : {"client_assertion=assertion&", "client_id=client",
                           "scope=https%3A%2F%2Fstorage.azure.com%2F.default"}) {
    EXPECT_THAT(body, HasSubstr(part));
  }
}

TEST_F(AzureIdentityTest, TheManagedIdentityIsAskedAndAnExpiredTokenFetchedAnew) {
  origin.script("/imds/metadata/identity/oauth2/token",
                {test::answer(200, R"({"access_token":"old","expires_in":"3600"})"),
                 test::answer(200, R"({"access_token":"good","expires_in":"3600"})")});
  must(open());
  EXPECT_EQ(origin.requests("/imds/metadata/identity/oauth2/token"), 2U);
  EXPECT_EQ(origin.log()[0].headers.at("metadata"), "true");
  EXPECT_THAT(origin.log()[0].target, HasSubstr("resource=https%3A%2F%2Fstorage.azure.com%2F"));
}

TEST_F(AzureIdentityTest, AnAppServicesEndpointComesFirst) {
  environment["IDENTITY_ENDPOINT"] = origin.url("/msi");
  environment["IDENTITY_HEADER"] = "hdr";
  origin.script("/msi",
                {test::answer(200, R"({"access_token":"good","expires_on":"4102444800"})")});
  must(open());
  EXPECT_EQ(origin.log()[0].headers.at("x-identity-header"), "hdr");
}

TEST_F(AzureIdentityTest, WithoutAnyThePlacesAreNamed) {
  const auto none = open();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::rejected);
  EXPECT_THAT(none.error().hint, HasSubstr("AZURE_STORAGE_CONNECTION_STRING"));
}

TEST(BearerToken, IsFetchedAgainBeforeItExpiresAndOnlyThen) {
  test::ManualClock clock;
  int fetched = 0;
  BearerTokenSource source(clock, [&]() -> Result<BearerToken> {
    if (++fetched == 3) {
      return make_error(ErrorKind::retry, "down");
    }
    return BearerToken{.text = "t" + std::to_string(fetched),
                       .expires = clock.wall_now() + std::chrono::hours(1)};
  });
  EXPECT_EQ(must(source.get()), "t1");
  EXPECT_EQ(must(source.get()), "t1");
  clock.advance(std::chrono::minutes(56));
  EXPECT_EQ(must(source.get()), "t2");
  clock.advance(std::chrono::minutes(56));
  EXPECT_EQ(must(source.get()), "t2");  // still good while nothing newer is to be had
  source.invalidate("t1");
  EXPECT_EQ(must(source.get()), "t4");
  source.invalidate("t4");
  EXPECT_EQ(must(source.get()), "t5");
}

TEST(BearerToken, AnAnswerWithoutOneIsRejected) {
  const WallTime now;
  for (const char* bad : {"{}", R"({"access_token":""})", R"({"access_token":1})", "nonsense"}) {
    EXPECT_FALSE(parse_token_answer(bad, now)) << bad;
  }
  EXPECT_EQ(must(parse_token_answer(R"({"access_token":"x","expires_in":60})", now)).expires,
            now + std::chrono::minutes(1));
}

}  // namespace
}  // namespace athanor
