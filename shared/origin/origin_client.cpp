#include "shared/origin/origin_client.hpp"

#include "shared/base/check.hpp"
#include "shared/base/strings.hpp"
#include "shared/origin/bucket_origin.hpp"
#include "shared/origin/oci_origin.hpp"
#include "shared/store/open_store.hpp"

#include <array>
#include <utility>

namespace athanor {
namespace {

constexpr std::array<std::string_view, 4> k_buckets = {"s3", "gs", "az", "azure"};

class OriginClient final : public HttpClient {
 public:
  OriginClient(std::unique_ptr<HttpClient> inner, OriginPlaceOptions options)
      : inner_(std::move(inner)),
        buckets_(std::move(options.open_bucket)),
        registries_(*inner_, *options.clock) {}

  Result<HttpResponse> perform(const HttpRequest& request, const HttpSink& sink,
                               std::stop_token stop) override {
    const std::string scheme = to_lower(request.url.substr(0, request.url.find("://")));
    if (scheme == "oci") {
      return registries_.perform(request, sink, std::move(stop));
    }
    for (const std::string_view bucket : k_buckets) {
      if (scheme == bucket) {
        return buckets_.perform(request, sink, std::move(stop));
      }
    }
    return inner_->perform(request, sink, std::move(stop));
  }

 private:
  std::unique_ptr<HttpClient> inner_;
  BucketOrigins buckets_;
  OciOrigins registries_;  // refers to the inner client
};

}  // namespace

OpenBucket real_buckets() {
  return [](const std::string& url) { return open_store(url, CreateStore::no); };
}

std::unique_ptr<HttpClient> make_origin_client(std::unique_ptr<HttpClient> inner,
                                               OriginPlaceOptions options) {
  ATHANOR_CHECK(inner != nullptr && options.open_bucket && options.clock != nullptr);
  return std::make_unique<OriginClient>(std::move(inner), std::move(options));
}

}  // namespace athanor
