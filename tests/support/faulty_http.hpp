#pragma once

#include "shared/net/http_client.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace athanor::test {

// A client that loses requests or answers when the test says so, in front of a real one.
// Thread-safe as long as the functions are.
class FaultyHttp final : public HttpClient {
 public:
  // An answer or an Error to be returned instead; nothing: go on.
  using Fault = std::function<std::optional<Result<HttpResponse>>(const HttpRequest&)>;

  explicit FaultyHttp(std::unique_ptr<HttpClient> inner)
      : inner_(std::move(inner)) {}

  void before(Fault fault) { before_ = std::move(fault); }  // the request is never sent
  void after(Fault fault) { after_ = std::move(fault); }    // it was, and carried out

  std::vector<HttpRequest> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }

  Result<HttpResponse> perform(const HttpRequest& request, const HttpSink& sink,
                               std::stop_token stop) override {
    {
      const std::lock_guard lock(mutex_);
      log_.push_back(request);
    }
    if (before_) {
      if (auto instead = before_(request)) {
        return std::move(*instead);
      }
    }
    auto result = inner_->perform(request, sink, stop);
    if (after_) {
      if (auto instead = after_(request)) {
        return std::move(*instead);
      }
    }
    return result;
  }

 private:
  const std::unique_ptr<HttpClient> inner_;
  Fault before_;
  Fault after_;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> log_;
};

}  // namespace athanor::test
