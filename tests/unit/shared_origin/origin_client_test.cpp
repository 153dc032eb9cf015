#include "shared/origin/origin_client.hpp"

#include "shared/base/units.hpp"
#include "shared/net/curl_http_client.hpp"
#include "shared/origin/oci_origin.hpp"
#include "tests/support/imposter_registry.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace athanor {
namespace {

using test::ImposterRegistry;
using test::must;
using testing::HasSubstr;

constexpr const char* k_v1 = "application/vnd.conda.package.v1";
constexpr const char* k_v2 = "application/vnd.conda.package.v2";

class Origins : public testing::Test {
 protected:
  Origins() {
    bytes_.resize(100'000);
    std::iota(bytes_.begin(), bytes_.end(), '\0');
    client_ = make_origin_client(
        must(make_curl_http_client({.proxies = Proxies::none})),
        {.open_bucket = [this](const std::string& url) -> Result<std::unique_ptr<Store>> {
           opened_.push_back(url);
           auto store = std::make_unique<test::MemoryStore>();
           must(store->put_if_absent("main/linux-64/x-1+2-0.conda",
                                     ObjectSource::from_bytes(bytes_)));
           return std::unique_ptr<Store>(std::move(store));
         },
         .clock = &clock_});
  }

  HttpResponse get(const std::string& url, HttpHeaders headers = {}) {
    received_.clear();
    answered_ = 0;
    return must(client_->perform(
        {.url = url,
         .headers = std::move(headers),
         .max_body_bytes = 1_MiB,
         .on_answer = [this](const HttpResponse& response) -> Result<void> {
           answered_ = response.status;
           etag_ = response.header("etag").value_or("");
           return {};
         }},
        [this](std::span<const std::uint8_t> part) -> Result<void> {
          received_.append(reinterpret_cast<const char*>(part.data()), part.size());
          return {};
        },
        {}));
  }

  // The same for every kind of origin: whole, the rest, the rest of another version, beyond the
  // end.
  void answers_as_a_server(const std::string& url) {
    EXPECT_EQ(get(url).status, 200);
    EXPECT_EQ(received_, bytes_);
    EXPECT_EQ(answered_, 200);
    const std::string etag = etag_;
    EXPECT_THAT(etag, testing::StartsWith("\""));

    EXPECT_EQ(get(url, {{"Range", "bytes=90000-"}, {"If-Range", etag}}).status, 206);
    EXPECT_EQ(received_, bytes_.substr(90'000));
    EXPECT_EQ(answered_, 206);
    EXPECT_EQ(etag_, etag);

    EXPECT_EQ(get(url, {{"Range", "bytes=90000-"}, {"If-Range", "\"other\""}}).status, 200);
    EXPECT_EQ(received_, bytes_);
    EXPECT_EQ(get(url, {{"Range", "bytes=100000-"}}).status, 416);
  }

  test::ManualClock clock_;
  std::string bytes_;
  std::string received_;
  std::string etag_;
  int answered_ = 0;
  std::vector<std::string> opened_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(Origins, AnObjectOfABucketIsAnsweredAsAServerWould) {
  answers_as_a_server("s3://channels/main/linux-64/x-1%2B2-0.conda");
  EXPECT_EQ(get("s3://channels/main/linux-64/other-1-0.conda").status, 404);
  EXPECT_EQ(get("gs://channels/main/linux-64/x-1+2-0.conda?anonymous=true").status, 200);
  EXPECT_THAT(opened_, testing::ElementsAre("s3://channels", "gs://channels?anonymous=true"))
      << "each bucket is opened once";
}

TEST_F(Origins, APackageOfARegistryIsAnsweredAsAServerWould) {
  for (const auto tokens :
       {ImposterRegistry::Tokens::wanted, ImposterRegistry::Tokens::not_wanted}) {
    ImposterRegistry registry(tokens);
    registry.push("mirrors/forge/linux-64/x", "1__p__2-0", k_v2, bytes_);
    answers_as_a_server("oci://" + registry.host() + "/mirrors/forge/linux-64/x-1+2-0.conda");
    EXPECT_EQ(registry.tokens_issued(), tokens == ImposterRegistry::Tokens::wanted ? 1U : 0U)
        << "a token is good for several requests";
  }
}

TEST_F(Origins, WhatARegistryDoesntHaveIs404) {
  ImposterRegistry registry(ImposterRegistry::Tokens::wanted);
  registry.push("forge/linux-64/x", "1-0", k_v1, bytes_);
  const std::string base = "oci://" + registry.host() + "/forge/linux-64/";
  EXPECT_EQ(get(base + "x-1-0.tar.bz2").status, 200);
  EXPECT_EQ(get(base + "x-1-0.conda").status, 404) << "it is there in the other format only";
  EXPECT_EQ(get(base + "x-1-1.conda").status, 404);
}

TEST_F(Origins, ATokenThatIsNoLongerGoodIsReplaced) {
  ImposterRegistry registry(ImposterRegistry::Tokens::wanted);
  registry.push("forge/noarch/x", "1-0", k_v2, bytes_);
  const std::string url = "oci://" + registry.host() + "/forge/noarch/x-1-0.conda";
  get(url);
  registry.forget_tokens();
  EXPECT_EQ(get(url).status, 200) << "revoked";
  clock_.advance(std::chrono::seconds(300));
  EXPECT_EQ(get(url).status, 200) << "too old";
  EXPECT_EQ(registry.tokens_issued(), 3U);
}

TEST_F(Origins, AManifestThatIsNoneIsRefused) {
  ImposterRegistry registry(ImposterRegistry::Tokens::not_wanted);
  const std::string url = "oci://" + registry.host() + "/forge/noarch/x-1-0.conda";
  for (
      const char* manifest :
      {"", "<html>", "{}", R"({"layers":3})",
       R"({"layers":[{"mediaType":"application/vnd.conda.package.v2"}]})",
       R"({"layers":[{"mediaType":"application/vnd.conda.package.v2","digest":"sha256:../x"}]})"}) {
    registry.origin().script("/v2/forge/noarch/x/manifests/1-0", {test::answer(200, manifest)});
    const auto answer = client_->perform({.url = url, .max_body_bytes = 1_MiB},
                                         [](auto) { return Result<void>(); }, {});
    ASSERT_FALSE(answer) << manifest;
    EXPECT_EQ(answer.error().kind, ErrorKind::rejected) << manifest;
  }
}

TEST(OciPlaces, FollowTheLayoutOfTheMirrors) {
  const struct {
    const char* url;
    OciPlace place;
  } rows[] = {
      {"oci://ghcr.io/channel-mirrors/conda-forge/linux-64/_libgcc_mutex-0.1-main.tar.bz2",
       {"https://ghcr.io", "channel-mirrors/conda-forge/linux-64/zzz_libgcc_mutex", "0.1-main",
        k_v1}},
      {"oci://ghcr.io/c/noarch/x-1!2.0+a-py_0.conda",
       {"https://ghcr.io", "c/noarch/x", "1__e__2.0__p__a-py_0", k_v2}},
      {"oci://u:p@r.example:8443/c/noarch/a-b-1-0.conda",
       {"https://u:p@r.example:8443", "c/noarch/a-b", "1-0", k_v2}},
      {"oci://localhost:5000/c/noarch/repodata.json.zst",
       {"http://localhost:5000", "c/noarch/repodata.json", "latest",
        "application/vnd.conda.repodata.v1+json+zst"}},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(must(oci_place(row.url)), row.place) << row.url;
  }
  for (const char* bad : {"oci://r.example/x.txt", "oci://r.example/c/noarch/x-1.conda"}) {
    EXPECT_FALSE(oci_place(bad)) << bad;
  }
}

TEST(OciTokens, AreAskedForWhereTheChallengeSays) {
  EXPECT_EQ(oci_token_url(R"(Bearer realm="https://ghcr.io/token",service="ghcr.io",)"
                          R"(scope="repository:c/x:pull,push")"),
            "https://ghcr.io/token?service=ghcr.io&scope=repository%3Ac/x%3Apull%2Cpush");
  EXPECT_EQ(oci_token_url("bearer realm=https://r/t?a=b, service=s"), "https://r/t?a=b&service=s");
  for (const char* bad : {"", "Basic realm=\"x\"", "Bearer", "Bearer service=\"x\"",
                          "Bearer realm=\"file:///etc/passwd\"", "Bearer realm=\"http://evil/\""}) {
    EXPECT_EQ(oci_token_url(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace athanor
