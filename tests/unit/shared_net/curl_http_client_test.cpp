#include "shared/net/curl_http_client.hpp"

#include "shared/base/units.hpp"
#include "shared/os/files.hpp"
#include "tests/support/imposter_origin.hpp"
#include "tests/support/results.hpp"
#include "tests/support/scratch_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace athanor {
namespace {

using test::must;
using Then = test::OriginResponse::Then;
using ::testing::HasSubstr;
using ::testing::Not;

EnvironmentLookup no_environment() {
  return [](std::string_view) { return std::optional<std::string>(); };
}

class HttpClientTest : public testing::Test {
 protected:
  static std::unique_ptr<HttpClient> make_client(HttpClientOptions options = {}) {
    options.environment = no_environment();
    return must(make_curl_http_client(std::move(options)));
  }

  Result<HttpResponse> get(const std::string& url, std::stop_token stop = {}) {
    return perform({.url = url, .max_body_bytes = 1_MiB}, std::move(stop));
  }
  Result<HttpResponse> perform(const HttpRequest& request, std::stop_token stop = {}) {
    received.clear();
    return client->perform(
        request,
        [this](std::span<const std::uint8_t> bytes) -> Result<void> {
          received.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
          return {};
        },
        std::move(stop));
  }

  test::ImposterOrigin origin;
  std::unique_ptr<HttpClient> client = make_client();
  std::string received;
};

HttpBody body_of(const std::string& bytes, std::size_t& offset) {
  return {.size = bytes.size(),
          .read = [&](std::span<std::uint8_t> buffer) -> Result<std::size_t> {
            const std::size_t n = std::min(buffer.size(), bytes.size() - offset);
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), n, buffer.begin());
            offset += n;
            return n;
          },
          .rewind = [&]() -> Result<void> {
            offset = 0;
            return {};
          }};
}

TEST_F(HttpClientTest, AGoodFileArrivesWhole) {
  const std::string bytes(700'000, 'x');
  origin.serve("/f", bytes);
  const auto response = must(get(origin.url("/f")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(received, bytes);
  EXPECT_EQ(response.body_bytes, bytes.size());
  EXPECT_EQ(response.header("content-length"), "700000");
  EXPECT_EQ(response.header("x-none"), std::nullopt);
  EXPECT_THAT(origin.log()[0].headers["user-agent"], HasSubstr("athanor/"));
}

TEST_F(HttpClientTest, ConnectionsAreKeptAndAnEmptyBodyIsABody) {
  origin.serve("/f", "");
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(must(get(origin.url("/f"))).status, 200);
  }
  EXPECT_EQ(origin.connections(), 1U);
}

TEST_F(HttpClientTest, AnAnswerThatIsNotGoodIsStillAnAnswer) {
  origin.script("/f", {test::answer(503, "<Code>SlowDown</Code>")});
  const auto response = must(get(origin.url("/f")));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.error_body, "<Code>SlowDown</Code>");
  EXPECT_EQ(received, "");
  EXPECT_EQ(must(get(origin.url("/none"))).status, 404);
}

TEST_F(HttpClientTest, AnEndlessErrorPageIsCutAndTheStatusCounts) {
  origin.script("/f", {{.status = 404, .body = std::string(4096, 'e'), .then = Then::endless}});
  const auto response = must(get(origin.url("/f")));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.error_body.size(), HttpResponse::k_error_body_bytes);
}

TEST_F(HttpClientTest, AnEndlessFileIsCutAtTheLimit) {
  origin.script("/f", {{.body = std::string(4096, 'e'), .then = Then::endless}});
  const auto response = get(origin.url("/f"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::rejected);
  EXPECT_LE(received.size(), 1_MiB);
  EXPECT_THAT(response.error().message, HasSubstr("1.0 MiB"));
}

TEST_F(HttpClientTest, AnAnnouncedSizeOverTheLimitIsRejectedBeforeAnyByte) {
  origin.serve("/f", std::string(2_MiB, 'x'));
  EXPECT_EQ(get(origin.url("/f")).error().kind, ErrorKind::rejected);
  EXPECT_EQ(received, "");
}

TEST_F(HttpClientTest, WhatNeverBecameAnAnswerIsWorthAnotherTry) {
  struct Row {
    const char* name;
    test::OriginResponse response;
  };
  const std::string body(100'000, 'x');
  const Row rows[] = {
      {"truncated", {.body = body, .then = Then::cut, .cut_after = 99'999}},
      {"truncated at once", {.body = body, .then = Then::cut}},
      {"closed without an answer", {.then = Then::without_answer}},
  };
  for (const Row& row : rows) {
    origin.script("/f", {row.response});
    const auto response = get(origin.url("/f"));
    ASSERT_FALSE(response) << row.name;
    EXPECT_EQ(response.error().kind, ErrorKind::retry) << row.name;
  }
}

TEST_F(HttpClientTest, NobodyListeningAndNoSuchNameAreWorthAnotherTry) {
  std::string dead;
  {
    const test::ImposterOrigin gone;
    dead = gone.url("/");
  }
  EXPECT_EQ(get(dead).error().kind, ErrorKind::retry);
  EXPECT_EQ(get("http://no-such-host.invalid/").error().kind, ErrorKind::retry);
}

TEST_F(HttpClientTest, AStalledAnswerIsGivenUp) {
  client = make_client({.stall_timeout = std::chrono::milliseconds(200)});
  struct Row {
    const char* name;
    test::OriginResponse response;
  };
  const Row rows[] = {
      {"silent", {.then = Then::never_answer}},
      {"half", {.body = std::string(5000, 'x'), .then = Then::stall, .cut_after = 2500}},
  };
  for (const Row& row : rows) {
    origin.script("/f", {row.response});
    const auto response = get(origin.url("/f"));
    ASSERT_FALSE(response) << row.name;
    EXPECT_EQ(response.error().kind, ErrorKind::retry) << row.name;
    EXPECT_THAT(response.error().message, HasSubstr("no progress")) << row.name;
  }
}

TEST_F(HttpClientTest, AStopEndsATransferAtOnce) {
  origin.script("/f", {{.then = Then::never_answer}});
  std::stop_source source;
  std::jthread stopper([&] {
    while (origin.total_requests() == 0) {
      std::this_thread::yield();
    }
    source.request_stop();
  });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(get(origin.url("/f"), source.get_token()).error().kind, ErrorKind::canceled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST_F(HttpClientTest, TheSinksErrorIsTheResult) {
  origin.serve("/f", "abc");
  const auto response = client->perform({.url = origin.url("/f"), .max_body_bytes = 10},
                                        [](std::span<const std::uint8_t>) -> Result<void> {
                                          return make_error(ErrorKind::corrupt, "not what I want");
                                        },
                                        {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::corrupt);
  EXPECT_EQ(response.error().message, "not what I want");
}

TEST_F(HttpClientTest, RedirectsAreFollowedToTheEndAndNotForEver) {
  origin.script("/a", {test::redirect_to("/b?secret=1")});
  origin.serve("/b", "there");
  const auto response = must(get(origin.url("/a")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(received, "there");
  EXPECT_THAT(response.effective_url, HasSubstr("/b"));
  EXPECT_THAT(response.effective_url, Not(HasSubstr("secret=1")));

  origin.script("/loop", {test::redirect_to("/loop")});
  EXPECT_EQ(get(origin.url("/loop")).error().kind, ErrorKind::rejected);
  EXPECT_EQ(origin.requests("/loop"), limits::k_redirects + 1);

  const HttpRequest stay{.url = origin.url("/a"), .follow_redirects = FollowRedirects::no};
  EXPECT_EQ(must(perform(stay)).status, 302);
}

TEST_F(HttpClientTest, ARedirectIntoTheFileSystemIsRejected) {
  client = make_client({.file_urls = FileUrls::allow});
  origin.script("/f", {test::redirect_to("file:///etc/passwd")});
  EXPECT_EQ(get(origin.url("/f")).error().kind, ErrorKind::rejected);
}

TEST_F(HttpClientTest, ARedirectWithAnEndlessBodyEnds) {
  auto endless = test::redirect_to("/b");
  endless.then = Then::endless;
  endless.body = std::string(65536, 'e');
  origin.script("/f", {endless});
  origin.serve("/b", "there");
  EXPECT_EQ(must(get(origin.url("/f"))).status, 200);
  endless.headers["Content-Length"] = "1000000000000";
  origin.script("/f", {endless});
  const auto response = get(origin.url("/f"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::rejected);
}

TEST_F(HttpClientTest, CredentialsGoToTheirHostAndNoOther) {
  test::ImposterOrigin other;
  other.serve("/f", "x");
  origin.script("/f", {test::redirect_to(other.url("/f"))});
  const std::string url = "http://user:p%40ss@127.0.0.1:" + std::to_string(origin.port()) + "/f";
  EXPECT_EQ(must(get(url)).status, 200);
  EXPECT_EQ(origin.log()[0].headers["authorization"], "Basic dXNlcjpwQHNz");
  EXPECT_FALSE(other.log()[0].headers.contains("authorization"));

  const HttpRequest bearer{
      .url = origin.url("/f"), .headers = {{"Authorization", "Bearer t"}}, .max_body_bytes = 10};
  EXPECT_EQ(must(perform(bearer)).status, 200);
  EXPECT_EQ(origin.log()[1].headers["authorization"], "Bearer t");
  EXPECT_FALSE(other.log()[1].headers.contains("authorization"));
}

TEST_F(HttpClientTest, NoSecretOfAUrlIsInAMessage) {
  std::string dead;
  {
    const test::ImposterOrigin gone;
    dead = std::to_string(gone.port());
  }
  const std::string urls[] = {"http://user:s3cret@127.0.0.1:" + dead + "/t/s3cret/x?sig=s3cret",
                              "gopher://user:s3cret@127.0.0.1/x",
                              "http://user:s3cret@127.0.0.1:99999/x", "http://user:s3cret@ /x"};
  for (const std::string& url : urls) {
    const auto response = get(url);
    ASSERT_FALSE(response) << url;
    EXPECT_THAT(response.error().to_string(), Not(HasSubstr("s3cret")));
  }
}

TEST_F(HttpClientTest, BodiesAreSentAndSentAgainAfterARedirect) {
  std::string bytes(3'000'000, 'u');  // large enough for "Expect: 100-continue"
  std::size_t offset = 0;
  origin.on_any([&](const test::OriginRequest& request) {
    return request.target == "/a" ? test::redirect_to("/b", 307) : test::answer(201);
  });
  for (const std::string& body : {bytes, std::string("small"), std::string()}) {
    offset = 0;
    const auto response =
        must(perform({.method = "PUT", .url = origin.url("/a"), .body = body_of(body, offset)}));
    EXPECT_EQ(response.status, 201);
    EXPECT_EQ(origin.log().back().method, "PUT");
    EXPECT_EQ(origin.log().back().body, body);
  }
}

TEST_F(HttpClientTest, SmallBodiesDontAskFirstAndEmptyOnesHaveALength) {
  origin.on_any([](const test::OriginRequest&) { return test::answer(204); });
  EXPECT_EQ(must(perform({.method = "POST", .url = origin.url("/p")})).status, 204);
  auto headers = origin.log().back().headers;
  EXPECT_EQ(headers["content-length"], "0");
  EXPECT_FALSE(headers.contains("expect"));
  EXPECT_FALSE(headers.contains("content-type"));
  EXPECT_EQ(must(perform({.method = "DELETE", .url = origin.url("/p")})).status, 204);
  EXPECT_EQ(origin.log().back().method, "DELETE");
}

TEST_F(HttpClientTest, HeadHasNoBody) {
  origin.serve("/f", "abc");
  const auto response = must(perform({.method = "HEAD", .url = origin.url("/f")}));
  EXPECT_EQ(response.header("content-length"), "3");
  EXPECT_EQ(received, "");
}

TEST_F(HttpClientTest, AHeaderWithALineBreakIsInvalid) {
  const auto response =
      perform({.url = origin.url("/f"), .headers = {{"X-A", "a\r\nX-B: b"}}, .max_body_bytes = 1});
  EXPECT_EQ(response.error().kind, ErrorKind::invalid);
}

TEST_F(HttpClientTest, FilesAreReadOnlyWhereAllowed) {
  const test::ScratchDir dir;
  must(write_file(dir / "a b", "0123456789"));
  const std::string url = "file://" + dir.path().string() + "/a%20b";
  EXPECT_EQ(get(url).error().kind, ErrorKind::rejected);
  client = make_client({.file_urls = FileUrls::allow});
  EXPECT_EQ(must(get(url)).status, 200);
  EXPECT_EQ(received, "0123456789");
  EXPECT_EQ(
      must(perform({.url = url, .headers = {{"Range", "bytes=7-"}}, .max_body_bytes = 10})).status,
      206);
  EXPECT_EQ(received, "789");
  EXPECT_EQ(must(get("file://" + dir.path().string() + "/none")).status, 404);
  EXPECT_EQ(must(get("file://" + dir.path().string())).status, 404);
  EXPECT_EQ(get("file://elsewhere/etc/passwd").error().kind, ErrorKind::rejected);
  EXPECT_EQ(perform({.url = url, .max_body_bytes = 9}).error().kind, ErrorKind::rejected);
}

TEST_F(HttpClientTest, ManyThreadsShareOneClient) {
  const std::string bytes(50'000, 'm');
  origin.serve("/f", bytes);
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
          std::string mine;
          const auto response = client->perform(
              {.url = origin.url("/f"), .max_body_bytes = 1_MiB},
              [&](std::span<const std::uint8_t> piece) -> Result<void> {
                mine.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                return {};
              },
              {});
          good += response && mine == bytes ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(good, 160);
  EXPECT_LE(origin.connections(), 8U);
}

TEST_F(HttpClientTest, ProxiesOfTheEnvironmentAreUsed) {
  origin.on_any([](const test::OriginRequest&) { return test::answer(200, "by proxy"); });
  HttpClientOptions options;
  options.environment = [this](std::string_view name) {
    return name == "HTTP_PROXY" ? std::optional(origin.url("")) : std::nullopt;
  };
  client = must(make_curl_http_client(std::move(options)));
  EXPECT_EQ(must(get("http://channel.invalid/x")).status, 200);
  EXPECT_EQ(origin.log()[0].target, "http://channel.invalid/x");
}

}  // namespace
}  // namespace athanor
