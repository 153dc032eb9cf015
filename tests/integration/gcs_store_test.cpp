#include "shared/store/gcs_store.hpp"

#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/os/files.hpp"
#include "tests/contract/store_contract.hpp"
#include "tests/integration/cloud_faults.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/support/server_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

// Google's store was never contacted: what answers here is a fake of ours.
namespace athanor::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// One fake for all tests of the program.
class Fake {
 public:
  Environment account() const {
    return {{"GOOGLE_APPLICATION_CREDENTIALS", (directory_ / "account.json").string()}};
  }
  const std::string& endpoint() const { return endpoint_; }
  std::string account_file() const { return (directory_ / "account.json").string(); }
  // "gs://bucket-N" + rest, with the endpoint as a setting.
  std::string url(const std::string& bucket, const std::string& path,
                  const std::string& settings) const {
    return "gs://" + bucket + path + "?endpoint=" + endpoint_ + settings;
  }
  std::string new_bucket() { return "bucket-" + std::to_string(++buckets_); }

  static Fake& instance() {
    static Fake fake;
    return fake;
  }

 private:
  ScratchDir directory_;
  const std::uint16_t port_ = free_port();
  const std::string endpoint_ = "http://127.0.0.1:" + std::to_string(port_);
  ServerProcess process_{"gcs-fake", {directory_.path().string(), std::to_string(port_)}};
  std::atomic<int> buckets_{0};
};

class GcsUnderTest final : public StoreUnderTest {
 public:
  GcsUnderTest(const std::string& path, const std::string& settings)
      : url_(Fake::instance().url(Fake::instance().new_bucket(), path, settings)),
        store_(another_client()) {}
  Store& store() override { return *store_; }
  std::unique_ptr<Store> another_client() override {
    return must(GcsStore::open(url_, cloud_services(Fake::instance().account())));
  }

 private:
  const std::string url_;
  const std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(
    GcsFakeOfOurs, StoreContract,
    testing::Values(
        StoreKind{.name = "whole_bucket_in_chunks",
                  .make =
                      [] {
                        return std::make_unique<GcsUnderTest>(
                            "", "&multipart_from=262144&part_size=524288");
                      },
                  .big_object_bytes = 3_MiB + 17},
        StoreKind{
            .name = "prefix_in_one_piece",
            .make = [] { return std::make_unique<GcsUnderTest>("/a%20prefix+/of%20mine", ""); },
            .big_object_bytes = 3_MiB}),
    store_kind_name);

// A store whose network the test owns.
class GcsStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open(Environment environment, const std::string& settings = "") {
    CloudServices services = cloud_services(std::move(environment));
    http = make_faulty(services);
    return GcsStore::open(fake.url(bucket, "", settings), std::move(services));
  }
  static ObjectSource bytes(std::string text) { return ObjectSource::from_bytes(std::move(text)); }

  Fake& fake = Fake::instance();
  std::string bucket = fake.new_bucket();
  FaultyHttp* http = nullptr;
};

TEST_F(GcsStoreTest, AMissingBucketIsNotFound) {
  bucket = "no-such-bucket";
  const auto store = open(fake.account());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::not_found);
  EXPECT_THAT(store.error().to_string(), HasSubstr("no-such-bucket"));
}

TEST_F(GcsStoreTest, AKeyThatIsNotTheAccountsIsRejected) {
  const ScratchDir dir;
  ASSERT_TRUE(must(ChildProcess::spawn({.program = "openssl",
                                        .arguments = {"genpkey", "-quiet", "-algorithm", "RSA",
                                                      "-out", (dir / "other.pem").string()}}))
                  .wait()
                  .success());
  std::string account = must(read_file(fake.account_file(), 1_MiB));
  Json json = must(parse_json(account));
  json.set("private_key", must(read_file(dir / "other.pem", 1_MiB)));
  must(write_file(dir / "account.json", dump_json(json)));
  const auto store = open({{"GOOGLE_APPLICATION_CREDENTIALS", (dir / "account.json").string()}});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::rejected);
  EXPECT_THAT(store.error().to_string(), Not(HasSubstr("PRIVATE KEY")));
}

TEST_F(GcsStoreTest, TheMetadataServerGivesATokenToo) {
  ImposterOrigin metadata;
  metadata.on("/computeMetadata/v1/instance/service-accounts/default/token",
              [](const OriginRequest& request) {
                const auto flavor = request.headers.find("metadata-flavor");
                return flavor != request.headers.end() && flavor->second == "Google"
                           ? answer(200,
                                    R"({"access_token":"token-of-the-fake","expires_in":3599})")
                           : answer(403);
              });
  const std::string host = "127.0.0.1:" + std::to_string(metadata.port());
  EXPECT_TRUE(open({{"GCE_METADATA_HOST", host}, {"CLOUDSDK_CONFIG", "/nowhere"}}));
}

TEST_F(GcsStoreTest, AUsersRefreshTokenIsExchanged) {
  ImposterOrigin tokens;
  tokens.script("/token",
                {answer(200, R"({"access_token":"token-of-the-fake","expires_in":3599})")});
  const ScratchDir dir;
  must(write_file(dir / "application_default_credentials.json",
                  dump_json(Json::object({{"type", "authorized_user"},
                                          {"client_id", "id"},
                                          {"client_secret", "s"},
                                          {"refresh_token", "r"},
                                          {"token_uri", tokens.url("/token")}}))));
  EXPECT_TRUE(open({{"CLOUDSDK_CONFIG", dir.path().string()}}));
  EXPECT_THAT(tokens.log()[0].body, HasSubstr("grant_type=refresh_token&refresh_token=r"));
}

TEST_F(GcsStoreTest, ALostAnswerIsResolvedByLooking) {
  const auto store = must(open(fake.account()));
  http->after(first_requests(1, "POST", connection_lost()));
  EXPECT_EQ(must(store->put_if_absent("mine", bytes("my bytes"))), PutOutcome::created);
  http->after(nullptr);
  http->before([&, done = false](const HttpRequest& request) mutable {
    std::optional<Result<HttpResponse>> instead;
    if (request.method == "POST" && !done) {
      done = true;
      const auto other =
          must(GcsStore::open(fake.url(bucket, "", ""), cloud_services(fake.account())));
      must(other->put_if_absent("theirs", bytes("their bytes")));
      instead = connection_lost();
    }
    return instead;
  });
  EXPECT_EQ(must(store->put_if_absent("theirs", bytes("my bytes"))), PutOutcome::exists);
  EXPECT_EQ(must(read_object(*store, "theirs", 100)), "their bytes");
}

TEST_F(GcsStoreTest, AnUploadInChunksGoesOnAfterEachLostAnswer) {
  const ScratchDir dir;
  std::string big(3_MiB + 5, 'b');
  for (std::size_t i = 0; i < big.size(); i += 1000) {
    big[i] = static_cast<char>(i / 1000 % 251);
  }
  must(write_file(dir / "big", big));
  const Digest digest{.md5 = md5_of(big), .sha256 = sha256_of(big), .size = big.size()};
  const auto source = ObjectSource::from_file(dir / "big", digest);
  const auto store = must(open(fake.account(), "&multipart_from=262144&part_size=524288"));
  // Every other answer to a PUT is lost, the last one included.
  auto count = std::make_shared<std::atomic<int>>(0);
  http->after([=](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    return request.method == "PUT" && (*count)++ % 2 == 0
               ? std::optional<Result<HttpResponse>>(connection_lost())
               : std::nullopt;
  });
  EXPECT_EQ(must(store->put_if_absent("big", source)), PutOutcome::created);
  EXPECT_TRUE(must(read_object(*store, "big", 1_GiB)) == big);
  // And when some requests never arrive.
  http->after(nullptr);
  http->before(first_requests(3, "PUT", connection_lost()));
  EXPECT_EQ(must(store->put_if_absent("big2", source)), PutOutcome::created);
  EXPECT_TRUE(must(read_object(*store, "big2", 1_GiB)) == big);
}

TEST_F(GcsStoreTest, BytesThatAreNotThoseOfTheDigestAreRefusedByTheStore) {
  const ScratchDir dir;
  must(write_file(dir / "f", "altered"));
  const Digest digest{.md5 = md5_of("correct"), .sha256 = sha256_of("correct"), .size = 7};
  const auto store = must(open(fake.account()));
  EXPECT_FALSE(store->put_if_absent("k", ObjectSource::from_file(dir / "f", digest)));
  EXPECT_EQ(must(store->find("k")), std::nullopt);
}

TEST_F(GcsStoreTest, ABurstOfRefusalsIsWaitedOutAndALongOneIsRetry) {
  const auto store = must(open(fake.account()));
  http->before(first_requests(4, "POST", status_answer(503)));
  EXPECT_EQ(must(store->put_if_absent("k", bytes("x"))), PutOutcome::created);
  http->before(first_requests(100, "GET", status_answer(429)));
  const auto read = read_object(*store, "k", 100);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::retry);
}

}  // namespace
}  // namespace athanor::test
