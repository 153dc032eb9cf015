#include "shared/store/sigv4.hpp"

#include "shared/base/strings.hpp"
#include "shared/net/http_date.hpp"
#include "shared/net/url.hpp"
#include "shared/store/encoding.hpp"

#include <algorithm>
#include <map>

namespace athanor {
namespace {

// Without blanks at the ends, runs of blanks inside made one.
std::string normalized(std::string_view value) {
  std::string result;
  for (const char c : trim(value)) {
    if (c != ' ' || !result.ends_with(' ')) {
      result += c;
    }
  }
  return result;
}

std::string join_names(const std::map<std::string, std::string>& headers) {
  std::string names;
  for (const auto& [name, value] : headers) {
    names += (names.empty() ? "" : ";") + name;
  }
  return names;
}

}  // namespace

std::string canonical_query(const QueryPairs& query) {
  QueryPairs encoded;
  for (const auto& [name, value] : query) {
    encoded.emplace_back(percent_encode(name, KeepSlash::no), percent_encode(value, KeepSlash::no));
  }
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    text += (text.empty() ? "" : "&") + name + "=" + value;
  }
  return text;
}

HttpHeaders sign_sigv4(const SigV4Request& request, const SigV4Scope& scope, const AwsKeys& keys,
                       WallTime now) {
  const std::string time = format_compact_date(now);
  const std::string day = time.substr(0, 8);
  HttpHeaders headers = request.headers;
  headers.emplace_back("x-amz-date", time);
  if (scope.service == "s3") {
    headers.emplace_back("x-amz-content-sha256", request.payload_sha256);
  }
  if (!keys.session_token.empty()) {
    headers.emplace_back("x-amz-security-token", keys.session_token);
  }
  // Sorted by name alone: a sort of whole lines puts "x-amz-meta-a-b:" before "x-amz-meta-a:".
  std::map<std::string, std::string> signed_headers;
  signed_headers["host"] = request.host;
  for (const auto& [name, value] : headers) {
    signed_headers[to_lower(name)] = normalized(value);
  }
  const std::string names = join_names(signed_headers);
  std::string canonical =
      request.method + "\n" + request.encoded_path + "\n" + canonical_query(request.query) + "\n";
  for (const auto& [name, value] : signed_headers) {
    canonical += name + ":" + value + "\n";
  }
  canonical += "\n" + names + "\n" + request.payload_sha256;

  const std::string scope_text = day + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + time + "\n" + scope_text + "\n" + sha256_of(canonical).hex();
  const Sha256 day_key = hmac_sha256(as_bytes("AWS4" + keys.secret_access_key), day);
  const Sha256 region_key = hmac_sha256(day_key.bytes, scope.region);
  const Sha256 service_key = hmac_sha256(region_key.bytes, scope.service);
  const Sha256 signing_key = hmac_sha256(service_key.bytes, "aws4_request");
  headers.emplace_back("Authorization",
                       "AWS4-HMAC-SHA256 Credential=" + keys.access_key_id + "/" + scope_text +
                           ", SignedHeaders=" + names +
                           ", Signature=" + hmac_sha256(signing_key.bytes, to_sign).hex());
  return headers;
}

}  // namespace athanor
