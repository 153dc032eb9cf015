#pragma once

#include "shared/base/clock.hpp"
#include "shared/net/http_client.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

struct AwsKeys {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty for long-lived keys
};

// Names and values as they are, not encoded.
using QueryPairs = std::vector<std::pair<std::string, std::string>>;

struct SigV4Request {
  std::string method;
  std::string host;          // with the port, exactly as it will be sent
  std::string encoded_path;  // percent_encode(…, KeepSlash::yes): signed as it is sent
  QueryPairs query{};
  HttpHeaders headers{};         // all of them are signed: only what nobody on the way changes
  std::string payload_sha256{};  // hexadecimal, or "UNSIGNED-PAYLOAD"
};

struct SigV4Scope {
  std::string region;
  std::string service;
};

// The query as it must be sent: sorted, every pair with "=", RFC 3986 encoding. Empty if no pairs.
std::string canonical_query(const QueryPairs& query);

// AWS Signature Version 4: the request's headers with x-amz-date, x-amz-content-sha256 (for S3
// only), x-amz-security-token (if there is a session) and Authorization added. Pure.
HttpHeaders sign_sigv4(const SigV4Request& request, const SigV4Scope& scope, const AwsKeys& keys,
                       WallTime now);

}  // namespace athanor
