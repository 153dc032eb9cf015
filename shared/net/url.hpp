#pragma once

#include "shared/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A parsed absolute URL (RFC 3986), kept as it was spelled except for the parts that are
// case-insensitive. Percent-encoding is neither added nor removed: the store's readers don't
// either.
struct Url {
  std::string scheme;    // lower case: "https", "http", "file", "s3", ...
  std::string userinfo;  // "user:password" as spelled, a secret; empty if none
  std::string host;      // lower case, IPv6 in its brackets; empty for file URLs
  std::optional<std::uint16_t> port;
  std::string path;      // with its leading "/", as spelled; "/" if the URL has none
  std::string query;     // without "?", possibly a secret; empty if none
  std::string fragment;  // without "#"; empty if none

  // invalid: not an absolute URL, longer than limits::k_url_bytes, or holding control characters,
  // white space, or bytes that aren't UTF-8. The message never repeats userinfo.
  static Result<Url> parse(std::string_view text);

  // "host" or "host:port": the port as spelled, even if it is the scheme's default.
  std::string netloc() const;
  // The whole URL, secrets included. For requests only.
  std::string spell() const;
  // The URL for people and logs: userinfo, query and "/t/<TOKEN>/" replaced by "***".
  std::string redacted() const;
};

// The URL text for people and logs, even if it can't be parsed.
std::string redact_url(std::string_view text);

// "%2B" becomes "+". Malformed escapes are kept as they are.
std::string percent_decode(std::string_view text);
// Everything but RFC 3986 unreserved characters (and, if asked for, "/") as %XX with capitals.
enum class KeepSlash { no, yes };
std::string percent_encode(std::string_view text, KeepSlash keep_slash);

}  // namespace athanor
