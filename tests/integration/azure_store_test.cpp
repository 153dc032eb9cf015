#include "shared/store/azure_store.hpp"

#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "shared/store/encoding.hpp"
#include "tests/contract/store_contract.hpp"
#include "tests/integration/cloud_faults.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/support/server_process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

namespace athanor::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* k_account = "athanortest";
constexpr const char* k_key = "bm90IGEgcmVhbCBrZXksIG9ubHkgZm9yIHRlc3Rz";

// One Azurite for all tests of the program.
class BlobService {
 public:
  Environment owner() const {
    return {{"AZURE_STORAGE_CONNECTION_STRING",
             std::string("DefaultEndpointsProtocol=http;AccountName=") + k_account +
                 ";AccountKey=" + k_key + ";BlobEndpoint=" + endpoint_ + "/;"}};
  }
  std::string endpoint() const { return endpoint_; }
  std::string new_container() {
    const std::string name = "container-" + std::to_string(++containers_);
    AzureSettings settings;
    settings.container = name;
    settings.endpoint = endpoint_;
    settings.shared_key = AzureSharedKey{.account = k_account, .key = *base64_decode(k_key)};
    AzureClient client(cloud_services({}), settings);
    must(client.perform(
        {.method = "PUT", .query = {{"restype", "container"}}, .what = "making a container"}, {},
        {}));
    return name;
  }
  std::unique_ptr<Store> open(const std::string& url) const {
    return must(AzureStore::open(url, cloud_services(owner())));
  }

  static BlobService& instance() {
    static BlobService service;
    return service;
  }

 private:
  ScratchDir directory_;
  const std::uint16_t port_ = free_port();
  const std::string endpoint_ =
      "http://127.0.0.1:" + std::to_string(port_) + "/" + std::string(k_account);
  ServerProcess process_{"azurite",
                         {directory_.path().string(), std::to_string(port_), k_account, k_key}};
  std::atomic<int> containers_{0};
};

class AzureUnderTest final : public StoreUnderTest {
 public:
  explicit AzureUnderTest(const std::string& rest)
      : url_("az://" + BlobService::instance().new_container() + rest),
        store_(BlobService::instance().open(url_)) {}
  Store& store() override { return *store_; }
  std::unique_ptr<Store> another_client() override { return BlobService::instance().open(url_); }

 private:
  const std::string url_;
  const std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(
    Azurite, StoreContract,
    testing::Values(
        StoreKind{.name = "whole_container",
                  .make =
                      [] {
                        return std::make_unique<AzureUnderTest>(
                            "?multipart_from=1048576&part_size=1048576");
                      },
                  .big_object_bytes = 5_MiB + 17},
        StoreKind{.name = "prefix",
                  .make = [] { return std::make_unique<AzureUnderTest>("/a%20prefix+/of%20mine"); },
                  .big_object_bytes = 3_MiB}),
    store_kind_name);

// A store whose network the test owns.
class AzureStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> open(Environment environment, const std::string& settings = "") {
    CloudServices services = cloud_services(std::move(environment));
    http = make_faulty(services);
    return AzureStore::open("az://" + container + settings, std::move(services));
  }
  static ObjectSource bytes(std::string text) { return ObjectSource::from_bytes(std::move(text)); }

  BlobService& service = BlobService::instance();
  std::string container = service.new_container();
  FaultyHttp* http = nullptr;
};

TEST_F(AzureStoreTest, AWrongKeyIsRejectedWithWordsAndWithoutSecrets) {
  auto environment = service.owner();
  const std::string wrong = "d3JvbmcgaW4gZXZlcnkgd2F5";
  std::string& connection = environment["AZURE_STORAGE_CONNECTION_STRING"];
  connection.replace(connection.find(k_key), std::string_view(k_key).size(), wrong);
  const auto store = open(environment);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::rejected);
  EXPECT_THAT(store.error().hint, HasSubstr("account key"));
  EXPECT_THAT(store.error().to_string(), Not(HasSubstr(wrong)));
}

TEST_F(AzureStoreTest, AMissingContainerIsNotFound) {
  container = "no-such-container";
  const auto store = open(service.owner());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::not_found);
  EXPECT_THAT(store.error().to_string(), HasSubstr("no-such-container"));
}

TEST_F(AzureStoreTest, ALostAnswerIsResolvedByLooking) {
  const auto store = must(open(service.owner()));
  http->after(first_requests(1, "PUT", connection_lost()));
  EXPECT_EQ(must(store->put_if_absent("mine", bytes("my bytes"))), PutOutcome::created);
  http->after(nullptr);
  http->before([&, done = false](const HttpRequest& request) mutable {
    std::optional<Result<HttpResponse>> instead;
    if (request.method == "PUT" && !done) {
      done = true;
      must(service.open("az://" + container)->put_if_absent("theirs", bytes("their bytes")));
      instead = connection_lost();
    }
    return instead;
  });
  EXPECT_EQ(must(store->put_if_absent("theirs", bytes("my bytes"))), PutOutcome::exists);
  EXPECT_EQ(must(read_object(*store, "theirs", 100)), "their bytes");
}

TEST_F(AzureStoreTest, ABurstOfRefusalsIsWaitedOutAndALongOneIsRetry) {
  const auto store = must(open(service.owner()));
  http->before(first_requests(4, "PUT", status_answer(503)));
  EXPECT_EQ(must(store->put_if_absent("k", bytes("x"))), PutOutcome::created);
  http->before(first_requests(100, "GET", status_answer(503)));
  const auto read = read_object(*store, "k", 100);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::retry);
}

TEST_F(AzureStoreTest, BlocksAreSentAgainWhenAConnectionBreaks) {
  const ScratchDir dir;
  const std::string big(5_MiB, 'b');
  must(write_file(dir / "big", big));
  const Digest digest{.md5 = md5_of(big), .sha256 = sha256_of(big), .size = big.size()};
  const auto source = ObjectSource::from_file(dir / "big", digest);
  const auto store = must(open(service.owner(), "?multipart_from=1048576&part_size=1048576"));
  http->after(first_requests(6, "PUT", connection_lost()));
  EXPECT_EQ(must(store->put_if_absent("big", source)), PutOutcome::created);
  EXPECT_TRUE(must(read_object(*store, "big", 1_GiB)) == big);
}

TEST_F(AzureStoreTest, OfTwoWritersOfBlocksOneWins) {
  const ScratchDir dir;
  const auto write = [&](const std::string& name, char c) {
    const std::string text(3_MiB, c);
    must(write_file(dir / name, text));
    return ObjectSource::from_file(
        dir / name, {.md5 = md5_of(text), .sha256 = sha256_of(text), .size = text.size()});
  };
  const auto mine = write("a", 'a');
  const auto theirs = write("b", 'b');
  const std::string settings = "?multipart_from=1048576&part_size=1048576";
  const auto store = must(open(service.owner(), settings));
  // The other writer comes between our blocks and our list of them.
  http->before([&, done = false](const HttpRequest& request) mutable {
    if (!done && request.url.find("comp=blocklist") != std::string::npos) {
      done = true;
      EXPECT_EQ(must(service.open("az://" + container + settings)->put_if_absent("k", theirs)),
                PutOutcome::created);
    }
    return std::optional<Result<HttpResponse>>();
  });
  EXPECT_EQ(must(store->put_if_absent("k", mine)), PutOutcome::exists);
  EXPECT_EQ(must(read_object(*store, "k", 1_GiB))->front(), 'b');
}

TEST_F(AzureStoreTest, BytesThatAreNotThoseOfTheDigestAreRefusedByTheStore) {
  const ScratchDir dir;
  must(write_file(dir / "f", "altered"));
  const Digest digest{.md5 = md5_of("correct"), .sha256 = sha256_of("correct"), .size = 7};
  const auto store = must(open(service.owner()));
  EXPECT_FALSE(store->put_if_absent("k", ObjectSource::from_file(dir / "f", digest)));
  EXPECT_EQ(must(store->find("k")), std::nullopt);
}

TEST_F(AzureStoreTest, AnIndependentClientReadsWhatWeWroteAndWeWhatItWrote) {
  const auto store = must(open(service.owner(), "/some/prefix"));
  must(store->put_if_absent("a b/k", bytes("from us")));
  // Made by hand after Microsoft's documentation: a service signature for the container.
  const char* script = R"(
import base64, hashlib, hmac, sys, time, urllib.parse, urllib.request
endpoint, account, key, container = sys.argv[1:]
def sas(permissions):
    expiry = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 3600))
    fields = [permissions, '', expiry, f'/blob/{account}/{container}', '', '', '', '2020-12-06',
              'c', '', '', '', '', '', '', '']
    digest = hmac.new(base64.b64decode(key), '\n'.join(fields).encode(), hashlib.sha256).digest()
    return urllib.parse.urlencode({'sp': permissions, 'se': expiry, 'sv': '2020-12-06', 'sr': 'c',
                                   'sig': base64.b64encode(digest).decode()})
url = f'{endpoint}/{container}/some/prefix/a%20b/'
assert urllib.request.urlopen(url + 'k?' + sas('r')).read() == b'from us'
urllib.request.urlopen(urllib.request.Request(
    url + 'other?' + sas('cw'), data=b'from Python', method='PUT',
    headers={'x-ms-blob-type': 'BlockBlob'}))
print(sas('rcwdl'), end='')
)";
  const ScratchDir dir;
  const Fd out = must(open_file(dir / "sas", O_WRONLY | O_CREAT));
  SpawnOptions options{
      .program = "python3",
      .arguments = {"-c", script, service.endpoint(), k_account, k_key, container}};
  options.stdout_fd = out.get();
  ASSERT_TRUE(must(ChildProcess::spawn(options)).wait().success());
  EXPECT_EQ(must(read_object(*store, "a b/other", 100)), "from Python");

  // The signature it made is enough for us too.
  const std::string sas = must(read_file(dir / "sas", 10'000));
  const auto by_sas =
      must(open({{"AZURE_STORAGE_SAS_TOKEN", "?" + sas},
                 {"METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT", service.endpoint()}},
                "/some/prefix"));
  EXPECT_EQ(must(by_sas->put_if_absent("a b/new", bytes("by SAS"))), PutOutcome::created);
  EXPECT_EQ(must(by_sas->put_if_absent("a b/new", bytes("again"))), PutOutcome::exists);
  EXPECT_EQ(must(by_sas->list_folder("a b/")).size(), 3U);
}

}  // namespace
}  // namespace athanor::test
