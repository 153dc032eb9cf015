#include "shared/net/url.hpp"

#include <gtest/gtest.h>

namespace athanor {
namespace {

TEST(Url, PartsAreKeptAsSpelledButForCase) {
  const Result<Url> url = Url::parse("HTTPS://user:p%40w@Host.Example:8443/A/b%2Bc?q=1#f");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->userinfo, "user:p%40w");
  EXPECT_EQ(url->netloc(), "host.example:8443");
  EXPECT_EQ(url->path, "/A/b%2Bc");
  EXPECT_EQ(url->spell(), "https://user:p%40w@host.example:8443/A/b%2Bc?q=1#f");
}

TEST(Url, SecretsAreNotShown) {
  const Result<Url> url = Url::parse("https://user:pw@host/t/tk-123/main/x?sig=abc");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->redacted(), "https://***@host/t/***/main/x?***");
  EXPECT_EQ(redact_url("https://user:pw@host/t/tk-123/main/x?sig=abc"),
            "https://***@host/t/***/main/x?***");
  EXPECT_EQ(redact_url("user:pw@host"), "***@host");
}

struct BadUrl {
  const char* name;
  const char* text;
};

class BadUrls : public testing::TestWithParam<BadUrl> {};

TEST_P(BadUrls, AreRefusedWithoutRepeatingSecrets) {
  const Result<Url> url = Url::parse(GetParam().text);
  ASSERT_FALSE(url.ok());
  EXPECT_EQ(url.error().kind, ErrorKind::invalid);
  EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadUrls,
    testing::Values(BadUrl{"no_scheme", "conda-forge/linux-64"}, BadUrl{"no_host", "https:///x"},
                    BadUrl{"bad_port", "https://u:secret@h:99999/x"},
                    BadUrl{"open_bracket", "https://[::1/x"}, BadUrl{"blank", "https://h/a b"},
                    BadUrl{"newline", "https://h/a\nb"}, BadUrl{"not_utf8", "https://h/\xff"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Url, FileUrlsNeedNoHostAndIpv6KeepsItsBrackets) {
  EXPECT_EQ(Url::parse("file:///data/x")->path, "/data/x");
  EXPECT_EQ(Url::parse("http://[::1]:80/x")->netloc(), "[::1]:80");
}

TEST(Percent, EncodingAndDecodingFollowTheStandard) {
  EXPECT_EQ(percent_decode("a%2Bb%"), "a+b%");
  EXPECT_EQ(percent_decode("%2"), "%2");
  EXPECT_EQ(percent_decode("x%41"), "xA");
  EXPECT_EQ(percent_encode("a b/c~", KeepSlash::yes), "a%20b/c~");
  EXPECT_EQ(percent_encode("a/b", KeepSlash::no), "a%2Fb");
}

}  // namespace
}  // namespace athanor
