#pragma once

#include "shared/base/result.hpp"
#include "shared/store/aws_credentials.hpp"
#include "shared/store/cloud_client.hpp"
#include "shared/store/sigv4.hpp"
#include "shared/store/store_url.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace athanor {

enum class S3Addressing {
  path,          // https://host/bucket/key
  virtual_host,  // https://bucket.host/key
};

// How one bucket is talked to. Built from the store's URL, the environment and the AWS profile, in
// that order: STORES.md lists every setting.
struct S3Settings {
  std::string bucket;
  std::string prefix;    // of all keys; empty or ending in "/"
  std::string endpoint;  // "https://host[:port]" without a path; empty: AWS's own for the region
  std::string region = "us-east-1";
  S3Addressing addressing = S3Addressing::virtual_host;
  bool anonymous = false;         // requests aren't signed
  HttpHeaders write_headers{};    // encryption, storage class, tags: with every new object
  HttpHeaders request_headers{};  // requester pays: with every request
  std::uint64_t part_bytes = 16U << 20U;
  std::uint64_t multipart_from = 64U << 20U;  // larger objects go up in parts

  static const std::vector<std::string>& names();
  static Result<S3Settings> make(const StoreUrl& url, const EnvironmentLookup& environment,
                                 const AwsProfile& profile);
};

struct S3Request {
  std::string method = "GET";
  std::string key{};  // the whole key in the bucket; empty: the bucket itself
  QueryPairs query{};
  HttpHeaders headers{};
  std::string payload_sha256{};                         // hexadecimal; empty: of no bytes
  std::function<Result<HttpBody>()> body{};             // a new one for each try
  std::uint64_t max_body_bytes = 0;                     // of the answer
  std::function<void(HttpHeaders&)> change_each_try{};  // ranges that depend on what has arrived
  std::string what{};                                   // begins messages: "reading 'key'"
};

// Signs and sends requests to one bucket, and knows which answers are worth another try:
// throttling, a clock that is off, a region that is another one, credentials that have expired.
// Thread-safe.
class S3Client {
 public:
  S3Client(CloudServices services, S3Settings settings, AwsProfile profile);

  const S3Settings& settings() const { return settings_; }

  // 2xx, 404, 409 about an existing object, 412, 416 and 501 are answers; everything else an Error.
  Result<CloudAnswer> perform(const S3Request& request, const HttpSink& sink, std::stop_token stop);

  // <Code> of an error answer; empty if it has none.
  static std::string error_code(const HttpResponse& response);
  Error explain(const HttpResponse& response, const std::string& what) const;

 private:
  Result<HttpRequest> build(const S3Request& request, std::optional<AwsCredentials>& used);
  Verdict judge(const HttpResponse& response, unsigned attempt,
                const std::optional<AwsCredentials>& used);
  bool learn_region(const HttpResponse& response);
  std::string region() const;
  struct Address {
    std::string origin;  // scheme and host
    std::string host;    // with the port
    std::string path;    // percent-encoded
  };
  Address address_of(const std::string& key) const;

  const S3Settings settings_;
  CloudClient cloud_;
  AwsCredentialChain credentials_;
  mutable std::mutex mutex_;
  std::string region_;  // guarded by mutex_: what the server says goes over what was set
};

}  // namespace athanor
