#include "shared/os/files.hpp"
#include "shared/store/aws_credentials.hpp"
#include "shared/store/s3_client.hpp"
#include "shared/store/s3_store.hpp"
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

TEST(AwsIni, IsReadAsAwsReadsIt) {
  const IniFile file = parse_aws_ini(
      "# c\n[default]\nregion = eu-west-1\n; c\ns3 =\n  endpoint_url = http://h\n"
      "  addressing_style=path\n[profile x y]\nkey=a=b\nnonsense\n[services s]\ns3 = \n "
      "endpoint_url=z");
  EXPECT_EQ(file.at("default").at("region"), "eu-west-1");
  EXPECT_EQ(file.at("default").at("s3.endpoint_url"), "http://h");
  EXPECT_EQ(file.at("default").at("s3.addressing_style"), "path");
  EXPECT_EQ(file.at("profile x y").at("key"), "a=b");
  EXPECT_EQ(file.at("services s").at("s3.endpoint_url"), "z");
}

class AwsTest : public testing::Test {
 protected:
  AwsTest() {
    environment["HOME"] = dir.path().string();
    environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = origin.url("/imds");
  }
  void write(const std::string& name, const std::string& text) {
    must(make_directories((dir / name).parent_path(), Durability::none));
    must(write_file(dir / name, text));
  }
  std::unique_ptr<AwsCredentialChain> chain() {
    services = must(real_cloud_services(""));
    auto profile = must(load_aws_profile(lookup_in(environment)));
    return std::make_unique<AwsCredentialChain>(
        AwsCredentialChain::World{.http = *services.http,
                                  .metadata_http = *services.metadata_http,
                                  .clock = clock,
                                  .environment = lookup_in(environment),
                                  .profile = std::move(profile),
                                  .region = "eu-west-1"});
  }
  static std::string json_keys(const std::string& id, const std::string& expires) {
    return R"({"AccessKeyId":")" + id + R"(","SecretAccessKey":"s","Token":"t","Expiration":")" +
           expires + R"("})";
  }

  test::ScratchDir dir;
  test::ImposterOrigin origin;
  test::ManualClock clock;  // begins at 2026-01-31T01:02:03Z
  Environment environment;
  CloudServices services;
};

TEST_F(AwsTest, CredentialsComeFromTheFirstPlaceThatHasThem) {
  origin.script("/ecs", {test::answer(200, json_keys("from-container", "2026-01-31T09:00:00Z"))});
  environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = origin.url("/ecs");
  EXPECT_EQ(must(chain()->get()).keys.access_key_id, "from-container");

  write(".aws/credentials",
        "[default]\naws_access_key_id=from-file\naws_secret_access_key=s\n"
        "[other]\naws_access_key_id=other\naws_secret_access_key=s\n");
  EXPECT_EQ(must(chain()->get()).keys.access_key_id, "from-file");
  environment["AWS_PROFILE"] = "other";
  EXPECT_EQ(must(chain()->get()).keys.access_key_id, "other");

  origin.script("/sts/", {test::answer(200,
                                       "<R><AssumeRoleWithWebIdentityResult><Credentials>"
                                       "<AccessKeyId>from-web</AccessKeyId>"
                                       "<SecretAccessKey>s</SecretAccessKey>"
                                       "<SessionToken>t</SessionToken>"
                                       "<Expiration>2026-01-31T09:00:00Z</Expiration>"
                                       "</Credentials></AssumeRoleWithWebIdentityResult></R>")});
  write("token", "web-token\n");
  environment["AWS_ENDPOINT_URL_STS"] = origin.url("/sts");
  environment["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
  environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = (dir / "token").string();
  const auto web = must(chain()->get());
  EXPECT_EQ(web.keys.access_key_id, "from-web");
  EXPECT_EQ(web.keys.session_token, "t");
  EXPECT_THAT(origin.log().back().body, HasSubstr("WebIdentityToken=web-token"));
  EXPECT_THAT(origin.log().back().body, HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"));

  environment["AWS_ACCESS_KEY_ID"] = "from-environment";
  environment["AWS_SECRET_ACCESS_KEY"] = "s";
  EXPECT_EQ(must(chain()->get()).keys.access_key_id, "from-environment");
}

TEST_F(AwsTest, TheMetadataServiceIsAskedInItsSecondVersion) {
  origin.on("/imds/latest/api/token", [](const test::OriginRequest& request) {
    return request.method == "PUT" &&
                   request.headers.contains("x-aws-ec2-metadata-token-ttl-seconds")
               ? test::answer(200, "tok")
               : test::answer(405);
  });
  const auto with_token = [](std::string body) {
    return [body](const test::OriginRequest& request) {
      const auto token = request.headers.find("x-aws-ec2-metadata-token");
      return token != request.headers.end() && token->second == "tok" ? test::answer(200, body)
                                                                      : test::answer(401);
    };
  };
  origin.on("/imds/latest/meta-data/iam/security-credentials/", with_token("role1\n"));
  origin.on("/imds/latest/meta-data/iam/security-credentials/role1",
            with_token(json_keys("from-machine", "2026-01-31T09:00:00Z")));
  EXPECT_EQ(must(chain()->get()).keys.access_key_id, "from-machine");
  environment["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_FALSE(chain()->get());
}

TEST_F(AwsTest, TemporaryOnesAreFetchedAnewBeforeTheyExpire) {
  origin.script(
      "/ecs", {test::answer(200, json_keys("first", "2026-01-31T02:00:00Z")),
               test::answer(200, json_keys("second", "2026-01-31T03:00:00Z")), test::answer(500)});
  environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = origin.url("/ecs");
  const auto credentials = chain();
  EXPECT_EQ(must(credentials->get()).keys.access_key_id, "first");
  EXPECT_EQ(must(credentials->get()).keys.access_key_id, "first");
  EXPECT_EQ(origin.requests("/ecs"), 1U);
  clock.advance(std::chrono::minutes(54));  // 01:56:03: four minutes are too few
  EXPECT_EQ(must(credentials->get()).keys.access_key_id, "second");
  clock.advance(std::chrono::minutes(60));  // 02:56:03: still good, and nothing newer to be had
  EXPECT_EQ(must(credentials->get()).keys.access_key_id, "second");
  clock.advance(std::chrono::minutes(5));
  EXPECT_FALSE(credentials->get());
}

TEST_F(AwsTest, WithoutAnyThePlacesAreNamed) {
  environment["AWS_EC2_METADATA_DISABLED"] = "true";
  const auto none = chain()->get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::rejected);
  EXPECT_THAT(none.error().hint, HasSubstr("AWS_ACCESS_KEY_ID"));
  environment["AWS_PROFILE"] = "nobody";
  EXPECT_EQ(load_aws_profile(lookup_in(environment)).error().kind, ErrorKind::invalid);
}

TEST_F(AwsTest, AContainerEndpointOnAnotherMachineNeedsTls) {
  environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://192.0.2.1/x";
  EXPECT_EQ(chain()->get().error().kind, ErrorKind::rejected);
}

TEST_F(AwsTest, SettingsComeFromTheUrlThenTheEnvironmentThenTheProfile) {
  write(".aws/config",
        "[default]\nregion=from-profile\nservices=x\n[services x]\ns3 =\n"
        "  endpoint_url=http://from-services:1\n");
  const auto make = [&](const std::string& url) {
    const auto parsed = must(StoreUrl::parse(url, S3Settings::names()));
    return S3Settings::make(parsed, lookup_in(environment),
                            must(load_aws_profile(lookup_in(environment))));
  };
  EXPECT_EQ(must(make("s3://bucket/p")).region, "from-profile");
  EXPECT_EQ(must(make("s3://bucket/p")).endpoint, "http://from-services:1");
  EXPECT_EQ(must(make("s3://bucket/p")).addressing, S3Addressing::path);
  environment["AWS_REGION"] = "from-environment";
  environment["AWS_ENDPOINT_URL_S3"] = "http://from-environment:2/";
  EXPECT_EQ(must(make("s3://bucket/p")).region, "from-environment");
  EXPECT_EQ(must(make("s3://bucket/p")).endpoint, "http://from-environment:2");
  const auto settings =
      must(make("s3://bucket/p?region=r&endpoint=https://e&addressing=virtual&"
                "sse=aws:kms&storage_class=STANDARD_IA&requester_pays=true"));
  EXPECT_EQ(settings.region, "r");
  EXPECT_EQ(settings.endpoint, "https://e");
  EXPECT_EQ(settings.addressing, S3Addressing::virtual_host);
  EXPECT_EQ(settings.prefix, "p/");
  EXPECT_EQ(settings.write_headers.size(), 2U);
  EXPECT_EQ(settings.request_headers.size(), 1U);
  for (const char* bad :
       {"s3://bucket?addressing=x", "s3://bucket?sse=x", "s3://bucket?part_size=1",
        "s3://bucket?anonymous=perhaps", "s3://bucket?endpoint=ftp://x"}) {
    EXPECT_EQ(make(bad).error().kind, ErrorKind::invalid) << bad;
  }
  for (const char* bad : {"s3://bucket?regoin=x", "s3:///p", "s3://u:p@bucket", "s3://bucket/a//b",
                          "s3://bucket/.."}) {
    EXPECT_EQ(StoreUrl::parse(bad, S3Settings::names()).error().kind, ErrorKind::invalid) << bad;
  }
}

// A store that answers by script: what no real server at hand does.
class ScriptedS3Test : public AwsTest {
 protected:
  ScriptedS3Test() {
    environment["AWS_ACCESS_KEY_ID"] = "id";
    environment["AWS_SECRET_ACCESS_KEY"] = "secret";
    origin.on("/bucket", [](const test::OriginRequest&) {
      return test::answer(200,
                          "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
    });
  }
  Result<std::unique_ptr<Store>> open(const std::string& settings = "") {
    CloudServices parts = must(real_cloud_services(""));
    parts.environment = lookup_in(environment);
    parts.sleep = [](std::chrono::milliseconds, std::stop_token) { return Result<void>(); };
    return S3Store::open("s3://bucket?endpoint=" + origin.url("") + settings, std::move(parts));
  }
  static ObjectSource bytes(std::string text) { return ObjectSource::from_bytes(std::move(text)); }
};

TEST_F(ScriptedS3Test, AnotherRegionIsLearned) {
  origin.on("/bucket", [](const test::OriginRequest& request) {
    if (request.headers.at("authorization").find("/eu-central-1/s3/") != std::string::npos) {
      return test::answer(200, "<ListBucketResult/>");
    }
    return test::answer(400,
                        "<Error><Code>AuthorizationHeaderMalformed</Code>"
                        "<Region>eu-central-1</Region></Error>");
  });
  EXPECT_TRUE(open());
  EXPECT_EQ(origin.requests("/bucket"), 2U);
}

TEST_F(ScriptedS3Test, AStoreWithoutConditionsIsAskedFirst) {
  // 501 says so; 200 for the second of two conditional creations shows it.
  for (const int status : {501, 200}) {
    origin.on("/bucket/.athanor/tmp/conditional-create",
              [status](const test::OriginRequest& request) {
                return test::answer(request.method == "PUT" ? status : 204);
              });
    origin.script("/bucket/k", {test::answer(404), test::answer(200), test::answer(200)});
    const auto store = must(open());
    EXPECT_FALSE(must(store->creates_conditionally()));
    EXPECT_EQ(must(store->put_if_absent("k", bytes("x"))), PutOutcome::created);
    const auto log = origin.log();
    EXPECT_EQ(log[log.size() - 2].method, "HEAD");
    EXPECT_EQ(log.back().method, "PUT");
    EXPECT_FALSE(log.back().headers.contains("if-none-match"));
    EXPECT_EQ(must(store->put_if_absent("k", bytes("x"))), PutOutcome::exists);
    EXPECT_EQ(origin.log().back().method, "HEAD");
  }
}

TEST_F(ScriptedS3Test, ExpiredCredentialsAreFetchedAnewOnce) {
  environment.erase("AWS_ACCESS_KEY_ID");
  environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = origin.url("/ecs");
  origin.script("/ecs", {test::answer(200, json_keys("old", "2099-01-01T00:00:00Z")),
                         test::answer(200, json_keys("new", "2099-01-01T00:00:00Z"))});
  origin.on("/bucket", [](const test::OriginRequest& request) {
    return request.headers.at("authorization").find("Credential=new/") != std::string::npos
               ? test::answer(200, "<ListBucketResult/>")
               : test::answer(403, "<Error><Code>InvalidAccessKeyId</Code></Error>");
  });
  EXPECT_TRUE(open());
  EXPECT_EQ(origin.requests("/ecs"), 2U);
}

TEST_F(ScriptedS3Test, AListingThatBreaksOffIsNotTakenForTheWhole) {
  const auto store = must(open());
  const auto visit = [](const ObjectInfo&) { return Result<void>(); };
  const test::OriginResponse half{.body = "<ListBucketResult><Contents>",
                                  .then = test::OriginResponse::Then::cut,
                                  .cut_after = 10};
  const std::string good =
      "<ListBucketResult><Contents><Key>a+b%2B</Key><Size>1</Size></Contents></ListBucketResult>";
  origin.script("/bucket", {half, test::answer(200, good)});
  std::vector<std::string> keys;
  must(store->list("", [&](const ObjectInfo& info) -> Result<void> {
    keys.push_back(info.key);
    return {};
  }));
  EXPECT_EQ(keys, std::vector<std::string>{"a b+"});
  for (const char* bad : {"<ListBucketResult><Contents>",
                          "<ListBucketResult><IsTruncated>true"
                          "</IsTruncated></ListBucketResult>",
                          ""}) {
    origin.script("/bucket", {test::answer(200, bad)});
    EXPECT_EQ(store->list("", visit).error().kind, ErrorKind::corrupt) << bad;
  }
}

TEST_F(ScriptedS3Test, WhatIsSetForNewObjectsIsSentWithThem) {
  origin.on("/bucket/.athanor/tmp/conditional-create",
            [](const test::OriginRequest&) { return test::answer(412); });
  origin.script("/bucket/k", {test::answer(200)});
  const auto store =
      must(open("&sse=aws:kms&sse_kms_key_id=key1&storage_class=STANDARD_IA&"
                "tags=team%3Dml&requester_pays=true"));
  must(store->put_if_absent("k", bytes("x")));
  auto headers = origin.log().back().headers;
  EXPECT_EQ(headers["x-amz-server-side-encryption"], "aws:kms");
  EXPECT_EQ(headers["x-amz-server-side-encryption-aws-kms-key-id"], "key1");
  EXPECT_EQ(headers["x-amz-storage-class"], "STANDARD_IA");
  EXPECT_EQ(headers["x-amz-tagging"], "team=ml");
  EXPECT_EQ(headers["x-amz-request-payer"], "requester");
  EXPECT_EQ(headers["if-none-match"], "*");
}

TEST_F(ScriptedS3Test, APublicBucketNeedsNoCredentials) {
  environment.erase("AWS_ACCESS_KEY_ID");
  environment["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_FALSE(open());
  EXPECT_TRUE(open("&anonymous=true"));
  EXPECT_FALSE(origin.log().back().headers.contains("authorization"));
}

}  // namespace
}  // namespace athanor
