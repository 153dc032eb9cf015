#pragma once

#include "shared/net/curl_http_client.hpp"
#include "shared/net/http_client.hpp"

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace athanor {

// One transfer at a time, with the connections it has kept: an easy handle in a multi of its own,
// so that waiting can be woken by a stop request. Internal to net; used by one thread at a time.
class CurlTransfer {
 public:
  // `options` and `share` outlive the transfer.
  CurlTransfer(const HttpClientOptions& options, CURLSH* share);
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  Result<HttpResponse> perform(const HttpRequest& request, const HttpSink& sink,
                               std::stop_token stop);

 private:
  struct Exchange;  // what one perform() knows

  Result<void> prepare(Exchange& exchange);
  void prepare_security(const HttpRequest& request);
  void prepare_proxy(const HttpRequest& request);
  void prepare_method(Exchange& exchange);
  Result<CURLcode> run(Exchange& exchange);
  Result<HttpResponse> conclude(Exchange& exchange, CURLcode code);

  const HttpClientOptions& options_;
  CURLSH* share_;
  CURLM* multi_;
  CURL* easy_;
};

// What a curl code that ended a transfer means for the caller.
ErrorKind error_kind_of_curl(CURLcode code);

}  // namespace athanor
