#include "shared/net/proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace athanor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

EnvironmentLookup variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](std::string_view name) {
    const auto found = values.find(std::string(name));
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(ProxyTest, TheMostExactEntryCounts) {
  const ProxyTable table{.proxies = {{"https://exact.example.com", "http://exact:1"},
                                     {"https", "http://secure:2"},
                                     {"all://host.example.com", "http://host:3"},
                                     {"all", "socks5://all:4"},
                                     {"http", ""}}};
  EXPECT_EQ(proxy_for(table, "https://exact.example.com/x"), "http://exact:1");
  EXPECT_EQ(proxy_for(table, "https://other.example.com/x"), "http://secure:2");
  EXPECT_EQ(proxy_for(table, "http://other.example.com/x"), std::nullopt);
  EXPECT_EQ(proxy_for(table, "s3://host.example.com/x"), "http://host:3");
  EXPECT_EQ(proxy_for(table, "s3://bucket/x"), "socks5://all:4");
  EXPECT_EQ(proxy_for(table, "no url"), std::nullopt);
}

TEST(ProxyTest, WhatBypassesTheProxy) {
  struct Row {
    std::string entry;
    std::string url;
    bool direct;
  };
  for (const Row& row : std::vector<Row>{{"example.com", "https://example.com/", true},
                                         {"example.com", "https://a.example.com/", true},
                                         {".example.com", "https://a.example.com/", true},
                                         {".example.com", "https://example.com/", true},
                                         {"*.example.com", "https://a.example.com/", true},
                                         {"example.com", "https://badexample.com/", false},
                                         {"EXAMPLE.com", "https://example.COM/", true},
                                         {"example.com:8443", "https://example.com:8443/", true},
                                         {"example.com:8443", "https://example.com/", false},
                                         {"example.com:443", "https://example.com/", true},
                                         {"10.0.0.0/8", "http://10.1.2.3:80/", true},
                                         {"10.0.0.0/8", "http://11.1.2.3/", false},
                                         {"10.0.0.0/99", "http://10.1.2.3/", false},
                                         {"127.0.0.1", "http://127.0.0.1:9000/", true},
                                         {"::1", "http://[::1]:80/", true},
                                         {"[::1]", "http://[::1]/", true},
                                         {"*", "https://any.example.org/", true},
                                         {"", "https://any.example.org/", false}}) {
    SCOPED_TRACE(row.entry + " " + row.url);
    const ProxyTable table{.proxies = {{"all", "http://p:1"}}, .bypass = split_bypass(row.entry)};
    EXPECT_EQ(proxy_for(table, row.url).has_value(), !row.direct);
  }
}

TEST(ProxyTest, TheEnvironmentIsReadInBothSpellings) {
  const ProxyTable table = proxy_table_of(variables({{"http_proxy", "http://low:1"},
                                                     {"HTTP_PROXY", "http://HIGH:1"},
                                                     {"HTTPS_PROXY", "http://HIGH:2"},
                                                     {"ALL_PROXY", "http://HIGH:3"},
                                                     {"NO_PROXY", "a.example.com, .b ;c"}}));
  EXPECT_EQ(table.proxies.at("http"), "http://low:1");
  EXPECT_EQ(table.proxies.at("https"), "http://HIGH:2");
  EXPECT_EQ(table.proxies.at("all"), "http://HIGH:3");
  EXPECT_THAT(table.bypass, ElementsAre("a.example.com", ".b", "c"));
}

TEST(ProxyTest, ACgiProgramsClientCannotChooseTheProxy) {
  EXPECT_THAT(
      proxy_table_of(variables({{"REQUEST_METHOD", "GET"}, {"HTTP_PROXY", "http://evil:1"}}))
          .proxies,
      IsEmpty());
}

}  // namespace
}  // namespace athanor
