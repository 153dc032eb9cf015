#include "shared/store/s3_store.hpp"

#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "tests/contract/store_contract.hpp"
#include "tests/integration/cloud_faults.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/support/server_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

namespace athanor::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

// One gateway for all tests of the program.
class Gateway {
 public:
  const std::string& endpoint() const { return endpoint_; }
  Environment owner() const {
    return {{"AWS_ACCESS_KEY_ID", "AKIAATHANOR"},
            {"AWS_SECRET_ACCESS_KEY", "secret+key/="},
            {"AWS_ENDPOINT_URL_S3", endpoint_}};
  }
  std::string new_bucket() {
    const std::string name = "bucket-" + std::to_string(++buckets_);
    S3Settings settings;
    settings.bucket = name;
    settings.endpoint = endpoint_;
    settings.addressing = S3Addressing::path;
    S3Client client(cloud_services(owner()), settings, {});
    must(client.perform({.method = "PUT", .what = "making a bucket"}, {}, {}));
    return name;
  }
  std::unique_ptr<Store> open(const std::string& url) const {
    return must(S3Store::open(url, cloud_services(owner())));
  }

  static Gateway& instance() {
    static Gateway gateway;
    return gateway;
  }

 private:
  ScratchDir directory_;
  const std::uint16_t port_ = free_port();
  const std::string endpoint_ = "http://localhost:" + std::to_string(port_);
  ServerProcess process_{
      "ceph-rgw", {directory_.path().string(), std::to_string(port_), std::to_string(free_port())}};
  std::atomic<int> buckets_{0};
};

class S3UnderTest final : public StoreUnderTest {
 public:
  explicit S3UnderTest(std::string rest)
      : url_("s3://" + Gateway::instance().new_bucket() + rest),
        store_(Gateway::instance().open(url_)) {}
  Store& store() override { return *store_; }
  std::unique_ptr<Store> another_client() override { return Gateway::instance().open(url_); }

 private:
  const std::string url_;
  const std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(
    CephRgw, StoreContract,
    testing::Values(StoreKind{.name = "whole_bucket_by_path",
                              .make =
                                  [] {
                                    return std::make_unique<S3UnderTest>(
                                        "?multipart_from=6000000&part_size=5242880");
                                  },
                              .big_object_bytes = 12_MiB + 17},
                    StoreKind{.name = "prefix_by_host_name",
                              .make =
                                  [] {
                                    return std::make_unique<S3UnderTest>(
                                        "/a%20prefix+/of%20mine?addressing=virtual");
                                  },
                              .big_object_bytes = 3_MiB}),
    store_kind_name);

// A store whose network the test owns.
class S3StoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open(Environment environment, const std::string& settings = "") {
    CloudServices services = cloud_services(std::move(environment));
    http = make_faulty(services);
    if (clock) {
      services.clock = std::move(clock);
    }
    return S3Store::open("s3://" + bucket + settings, std::move(services));
  }
  static ObjectSource bytes(std::string text) { return ObjectSource::from_bytes(std::move(text)); }

  Gateway& gateway = Gateway::instance();
  std::string bucket = gateway.new_bucket();
  FaultyHttp* http = nullptr;
  std::unique_ptr<ManualClock> clock;
};

TEST_F(S3StoreTest, WrongCredentialsAreRejectedWithWordsAndWithoutSecrets) {
  for (const char* id : {"AKIAATHANOR", "AKIANOBODY"}) {
    auto environment = gateway.owner();
    environment["AWS_ACCESS_KEY_ID"] = id;
    environment["AWS_SECRET_ACCESS_KEY"] = "wrong-secret";
    const auto store = open(environment);
    ASSERT_FALSE(store) << id;
    EXPECT_EQ(store.error().kind, ErrorKind::rejected);
    EXPECT_THAT(store.error().hint, AnyOf(HasSubstr("secret"), HasSubstr("access key id")));
    EXPECT_THAT(store.error().to_string(), Not(HasSubstr("wrong-secret")));
  }
}

TEST_F(S3StoreTest, AMissingBucketIsNotFound) {
  bucket = "no-such-bucket";
  const auto store = open(gateway.owner());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::not_found);
  EXPECT_THAT(store.error().to_string(), HasSubstr("no-such-bucket"));
}

TEST_F(S3StoreTest, SomebodyElsesBucketIsRejected) {
  auto environment = gateway.owner();
  environment["AWS_ACCESS_KEY_ID"] = "AKIAREADER";
  environment["AWS_SECRET_ACCESS_KEY"] = "reader-secret";
  const auto store = open(environment);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::rejected);
  EXPECT_THAT(store.error().to_string(), HasSubstr("AccessDenied"));
}

TEST_F(S3StoreTest, AClockThatIsYearsOffIsCorrectedByTheServers) {
  clock = std::make_unique<ManualClock>();
  clock->set_wall(WallTime(std::chrono::seconds(1'500'000'000)));
  const auto store = must(open(gateway.owner()));
  EXPECT_EQ(must(store->put_if_absent("k", bytes("x"))), PutOutcome::created);
}

TEST_F(S3StoreTest, ALostAnswerIsResolvedByLooking) {
  const auto store = must(open(gateway.owner()));
  must(store->put_if_absent("before", bytes("x")));  // the trial is over
  http->after(first_requests(1, "PUT", connection_lost()));
  EXPECT_EQ(must(store->put_if_absent("mine", bytes("my bytes"))), PutOutcome::created);
  EXPECT_EQ(must(read_object(*store, "mine", 100)), "my bytes");

  // Nothing was carried out and somebody else was faster: not ours.
  http->after(nullptr);
  http->before([&, done = false](const HttpRequest& request) mutable {
    std::optional<Result<HttpResponse>> instead;
    if (request.method == "PUT" && !done) {
      done = true;
      must(gateway.open("s3://" + bucket)->put_if_absent("theirs", bytes("their bytes")));
      instead = connection_lost();
    }
    return instead;
  });
  EXPECT_EQ(must(store->put_if_absent("theirs", bytes("my bytes"))), PutOutcome::exists);
  EXPECT_EQ(must(read_object(*store, "theirs", 100)), "their bytes");
}

TEST_F(S3StoreTest, ALostAnswerToAReplacementIsResolvedByLooking) {
  const auto store = must(open(gateway.owner()));
  must(store->put_if_absent("alias", bytes("old")));
  http->after(first_requests(1, "PUT", connection_lost()));
  EXPECT_EQ(must(store->put("alias", bytes("new"), must(store->find("alias"))->version_tag)),
            PutOutcome::created);
  EXPECT_EQ(must(read_object(*store, "alias", 100)), "new");
}

TEST_F(S3StoreTest, ABurstOfRefusalsIsWaitedOutAndALongOneIsRetry) {
  const auto store = must(open(gateway.owner()));
  http->before(first_requests(4, "PUT", status_answer(503)));
  EXPECT_EQ(must(store->put_if_absent("k", bytes("x"))), PutOutcome::created);
  http->before(first_requests(100, "GET", status_answer(503)));
  const auto read = read_object(*store, "k", 100);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::retry);
}

TEST_F(S3StoreTest, AReadThatBreaksOffGoesOnWhereItStopped) {
  const auto store = must(open(gateway.owner()));
  must(store->put_if_absent("k", bytes("0123456789")));
  std::string received;
  bool broken = false;
  http->after([&](const HttpRequest& request) -> std::optional<Result<HttpResponse>> {
    if (request.method == "GET" && !broken) {
      broken = true;
      return connection_lost();
    }
    return std::nullopt;
  });
  // All bytes came, only the end of the answer did not: nothing is delivered twice.
  EXPECT_TRUE(must(store->get(
      "k", {.offset = 2, .length = 5}, [&](std::span<const std::uint8_t> piece) -> Result<void> {
        received.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
      })));
  EXPECT_EQ(received, "23456");
}

TEST_F(S3StoreTest, PartsAreSentAgainWhenAConnectionBreaksAndTakenAwayWhenItCantBe) {
  const ScratchDir dir;
  std::string big(16_MiB, 'b');
  must(write_file(dir / "big", big));
  const Digest digest{.md5 = md5_of(big), .sha256 = sha256_of(big), .size = big.size()};
  const auto source = ObjectSource::from_file(dir / "big", digest);
  const auto store = must(open(gateway.owner(), "?multipart_from=6000000&part_size=5242880"));
  must(store->put_if_absent("before", bytes("x")));
  http->after(first_requests(2, "PUT", connection_lost()));
  EXPECT_EQ(must(store->put_if_absent("big", source)), PutOutcome::created);
  EXPECT_TRUE(must(read_object(*store, "big", 1_GiB)) == big);

  // The answer to the last request is lost: the object is there and ours.
  http->after([&, done = false](const HttpRequest& request) mutable {
    std::optional<Result<HttpResponse>> instead;
    if (!done && request.method == "POST" && request.url.find("uploadId") != std::string::npos) {
      done = true;
      instead = connection_lost();
    }
    return instead;
  });
  EXPECT_EQ(must(store->put_if_absent("finished", source)), PutOutcome::created);

  http->after(nullptr);
  http->before(first_requests(100, "PUT", status_answer(403)));
  EXPECT_EQ(store->put_if_absent("refused", source).error().kind, ErrorKind::rejected);
  http->before(nullptr);
  S3Settings settings;
  settings.bucket = bucket;
  settings.endpoint = gateway.endpoint();
  settings.addressing = S3Addressing::path;
  S3Client client(cloud_services(gateway.owner()), settings, {});
  std::string uploads;
  must(client.perform({.query = {{"uploads", ""}}, .max_body_bytes = 1_MiB, .what = "uploads"},
                      [&](std::span<const std::uint8_t> piece) -> Result<void> {
                        uploads.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                        return {};
                      },
                      {}));
  EXPECT_THAT(uploads, HasSubstr("ListMultipartUploadsResult"));
  EXPECT_THAT(uploads, Not(HasSubstr("<UploadId>")));
}

TEST_F(S3StoreTest, BytesThatAreNotThoseOfTheDigestAreRefusedByTheStore) {
  const ScratchDir dir;
  must(write_file(dir / "f", "altered"));
  const Digest digest{.md5 = md5_of("correct"), .sha256 = sha256_of("correct"), .size = 7};
  const auto store = must(open(gateway.owner()));
  const auto put = store->put_if_absent("k", ObjectSource::from_file(dir / "f", digest));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::corrupt);
  EXPECT_EQ(must(store->find("k")), std::nullopt);
}

TEST_F(S3StoreTest, TheTrialObjectIsTakenAway) {
  const auto store = must(open(gateway.owner()));
  EXPECT_TRUE(must(store->creates_conditionally()));
  S3Settings settings;
  std::size_t deletes = 0;
  for (const HttpRequest& request : http->log()) {
    deletes += request.method == "DELETE" ? 1U : 0U;
  }
  EXPECT_EQ(deletes, 1U);
}

TEST_F(S3StoreTest, AnIndependentClientReadsWhatWeWroteAndWeWhatItWrote) {
  const auto store = must(open(gateway.owner(), "/some/prefix"));
  must(store->put_if_absent("a+b %2F \xc3\xa4/k", bytes("from us")));
  const char* script = R"(
import boto3, sys
s3 = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1')
key = 'some/prefix/a+b %2F ' + chr(228) + '/'
assert s3.get_object(Bucket=sys.argv[2], Key=key + 'k')['Body'].read() == b'from us'
assert [o['Key'] for o in s3.list_objects_v2(Bucket=sys.argv[2])['Contents']] == [key + 'k']
s3.put_object(Bucket=sys.argv[2], Key=key + 'other = ~', Body=b'from boto3')
)";
  SpawnOptions options{.program = "python3",
                       .arguments = {"-c", script, gateway.endpoint(), bucket}};
  for (const auto& [name, value] : gateway.owner()) {
    options.environment.emplace_back(name, value);
  }
  EXPECT_TRUE(must(ChildProcess::spawn(options)).wait().success());
  EXPECT_EQ(must(read_object(*store, "a+b %2F \xc3\xa4/other = ~", 100)), "from boto3");
}

}  // namespace
}  // namespace athanor::test
