#pragma once

#include "shared/base/result.hpp"
#include "shared/store/azure_signature.hpp"
#include "shared/store/bearer_token.hpp"
#include "shared/store/cloud_client.hpp"
#include "shared/store/store_url.hpp"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace athanor {

// How one container is talked to; STORES.md lists where each part is looked for.
struct AzureSettings {
  std::string container;
  std::string prefix;    // of all keys; empty or ending in "/"
  std::string endpoint;  // "https://account.blob.core.windows.net", no final "/"
  std::optional<AzureSharedKey> shared_key{};
  QueryPairs sas{};  // a shared access signature's parameters
  bool anonymous = false;
  // Otherwise a token of a workload or managed identity.
  std::uint64_t block_bytes = 16U << 20U;
  std::uint64_t blocks_from = 64U << 20U;  // larger objects go up in blocks

  static const std::vector<std::string>& names();
  static Result<AzureSettings> make(const StoreUrl& url, const EnvironmentLookup& environment);
};

struct AzureCall {
  std::string method = "GET";
  std::string key{};  // the whole name in the container; empty: the container
  QueryPairs query{};
  HttpHeaders headers{};
  std::uint64_t content_length = 0;
  std::function<Result<HttpBody>()> body{};
  std::uint64_t max_body_bytes = 0;
  std::function<void(HttpHeaders&)> change_each_try{};
  std::string what{};
};

// Signs and sends requests to one container. Thread-safe.
class AzureClient {
 public:
  AzureClient(CloudServices services, AzureSettings settings);

  const AzureSettings& settings() const { return settings_; }

  // 2xx, 404 of a blob, 409, 412 and 416 are answers; everything else an Error.
  Result<CloudAnswer> perform(const AzureCall& call, const HttpSink& sink, std::stop_token stop);

  static std::string error_code(const HttpResponse& response);
  Error explain(const HttpResponse& response, const std::string& what) const;

 private:
  Result<HttpRequest> build(const AzureCall& call, std::string& token);
  Verdict judge(const HttpResponse& response, unsigned attempt, const std::string& token);
  Result<BearerToken> fetch_token();
  Result<BearerToken> token_of_application(const std::string& tenant, const std::string& client);
  Result<BearerToken> token_of_machine();

  const AzureSettings settings_;
  CloudClient cloud_;
  BearerTokenSource tokens_;
};

}  // namespace athanor
