#include "shared/net/credentials.hpp"

#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <utility>

namespace athanor {
namespace {

class AuthorizedHttpClient final : public HttpClient {
 public:
  AuthorizedHttpClient(std::unique_ptr<HttpClient> inner,
                       std::shared_ptr<const CredentialSource> credentials)
      : inner_(std::move(inner)),
        credentials_(std::move(credentials)) {
    ATHANOR_CHECK(inner_ != nullptr && credentials_ != nullptr);
  }

  Result<HttpResponse> perform(const HttpRequest& request, const HttpSink& sink,
                               std::stop_token stop) override {
    const bool authorized =
        std::any_of(request.headers.begin(), request.headers.end(),
                    [](const auto& header) { return to_lower(header.first) == "authorization"; });
    if (authorized) {
      return inner_->perform(request, sink, std::move(stop));
    }
    AuthorizedUrl access = credentials_->authorize(request.url);
    HttpRequest changed = request;
    changed.url = std::move(access.url);
    if (access.authorization) {
      changed.headers.emplace_back("Authorization", std::move(*access.authorization));
    }
    return inner_->perform(changed, sink, std::move(stop));
  }

 private:
  std::unique_ptr<HttpClient> inner_;
  std::shared_ptr<const CredentialSource> credentials_;  // shared by all clients of a process
};

}  // namespace

std::unique_ptr<HttpClient> make_authorized_http_client(
    std::unique_ptr<HttpClient> inner, std::shared_ptr<const CredentialSource> credentials) {
  return std::make_unique<AuthorizedHttpClient>(std::move(inner), std::move(credentials));
}

}  // namespace athanor
