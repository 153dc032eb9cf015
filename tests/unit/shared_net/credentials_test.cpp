#include "shared/net/credentials.hpp"

#include "shared/base/units.hpp"
#include "shared/net/curl_http_client.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/support/results.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

using test::must;

// Knows one host's bearer token and takes user and password off every URL.
class OneHost final : public CredentialSource {
 public:
  explicit OneHost(std::string prefix)
      : prefix_(std::move(prefix)) {}
  AuthorizedUrl authorize(std::string_view url) const override {
    AuthorizedUrl access{.url = std::string(url)};
    if (url.starts_with(prefix_)) {
      access.authorization = "Bearer hush";
    }
    return access;
  }

 private:
  std::string prefix_;
};

class AuthorizedHttpClientTest : public testing::Test {
 protected:
  Result<HttpResponse> get(const std::string& url, HttpHeaders headers = {}) {
    auto plain = must(make_curl_http_client(
        {.environment = [](std::string_view) { return std::optional<std::string>(); }}));
    auto client =
        make_authorized_http_client(std::move(plain), std::make_shared<OneHost>(origin.url("")));
    return client->perform({.url = url, .headers = std::move(headers), .max_body_bytes = 1_MiB},
                           [](std::span<const std::uint8_t>) -> Result<void> { return {}; }, {});
  }

  test::ImposterOrigin origin;
  test::ImposterOrigin stranger;
};

TEST_F(AuthorizedHttpClientTest, WhatTheSourceKnowsIsSent) {
  origin.serve("/f", "x");
  EXPECT_EQ(must(get(origin.url("/f"))).status, 200);
  EXPECT_EQ(origin.log()[0].headers["authorization"], "Bearer hush");
}

TEST_F(AuthorizedHttpClientTest, OtherHostsGetNothing) {
  stranger.serve("/f", "x");
  EXPECT_EQ(must(get(stranger.url("/f"))).status, 200);
  EXPECT_FALSE(stranger.log()[0].headers.contains("authorization"));
}

TEST_F(AuthorizedHttpClientTest, ARedirectToTheSameHostKeepsTheHeader) {
  origin.script("/a", {test::redirect_to("/b")});
  origin.serve("/b", "x");
  EXPECT_EQ(must(get(origin.url("/a"))).status, 200);
  EXPECT_EQ(origin.log()[1].headers["authorization"], "Bearer hush");
}

TEST_F(AuthorizedHttpClientTest, ARedirectToAnotherPortOrHostLosesTheHeader) {
  stranger.serve("/b", "x");
  const std::string same_machine = "http://localhost:" + std::to_string(stranger.port()) + "/b";
  origin.script("/a", {test::redirect_to(stranger.url("/b")), test::redirect_to(same_machine)});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(must(get(origin.url("/a"))).status, 200);
    EXPECT_FALSE(stranger.log().back().headers.contains("authorization")) << i;
  }
  EXPECT_EQ(stranger.total_requests(), 2U);
}

TEST_F(AuthorizedHttpClientTest, ARequestWithAHeaderOfItsOwnIsLeftAlone) {
  origin.serve("/f", "x");
  EXPECT_EQ(must(get(origin.url("/f"), {{"authorization", "AWS4 mine"}})).status, 200);
  EXPECT_EQ(origin.log()[0].headers["authorization"], "AWS4 mine");
}

}  // namespace
}  // namespace athanor
