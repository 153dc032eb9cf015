#pragma once

#include "shared/base/result.hpp"
#include "shared/store/bearer_token.hpp"
#include "shared/store/cloud_client.hpp"
#include "shared/store/sigv4.hpp"
#include "shared/store/store_url.hpp"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace athanor {

// How one bucket is talked to.
struct GcsSettings {
  std::string bucket;
  std::string prefix;  // of all keys; empty or ending in "/"
  std::string endpoint = "https://storage.googleapis.com";
  bool anonymous = false;
  std::uint64_t chunk_bytes = 16U << 20U;    // of resumable uploads; a multiple of 256 KiB
  std::uint64_t resumable_from = 8U << 20U;  // larger objects go up in chunks

  static const std::vector<std::string>& names();
  static Result<GcsSettings> make(const StoreUrl& url, const EnvironmentLookup& environment);
};

struct GcsCall {
  std::string method = "GET";
  std::string url{};  // of one of the functions below
  HttpHeaders headers{};
  std::function<Result<HttpBody>()> body{};
  std::uint64_t max_body_bytes = 0;
  // Changes the request of each try: `attempt` counts from 1.
  std::function<Result<void>(HttpRequest&, unsigned attempt)> change_each_try{};
  std::string what{};
};

// Sends requests of the JSON API with a bearer token: of a service account's key, of a user's
// refresh token, or of the machine. Thread-safe.
class GcsClient {
 public:
  GcsClient(CloudServices services, GcsSettings settings);

  const GcsSettings& settings() const { return settings_; }

  std::string objects_url(const QueryPairs& query) const;
  std::string object_url(const std::string& key, const QueryPairs& query) const;
  std::string upload_url(const QueryPairs& query) const;

  // 2xx, 308, 404, 410, 412 and 416 are answers; everything else an Error.
  Result<CloudAnswer> perform(const GcsCall& call, const HttpSink& sink, std::stop_token stop);
  Error explain(const HttpResponse& response, const std::string& what) const;

 private:
  Result<HttpRequest> build(const GcsCall& call, unsigned attempt, std::string& token);
  Verdict judge(const HttpResponse& response, unsigned attempt, const std::string& token);

  const GcsSettings settings_;
  CloudClient cloud_;
  BearerTokenSource tokens_;
};

}  // namespace athanor
