#pragma once

#include "shared/store/azure_client.hpp"
#include "shared/store/cloud_store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A store in a container of Azure Blob Storage: block blobs, created with "If-None-Match: *", which
// holds for blobs in blocks as well. What is relied on: STORES.md.
class AzureStore final : public CloudStore {
 public:
  // Looks whether the container is there and the credentials are accepted.
  static Result<std::unique_ptr<Store>> open(std::string_view url, CloudServices services);

  Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                   std::stop_token stop) override;
  Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                         const std::optional<std::string>& expected_version) override;

 private:
  AzureStore(std::string url, CloudServices services, AzureSettings settings);

  std::string full(std::string_view key) const {
    return client_.settings().prefix + std::string(key);
  }
  Result<Page> list_page(std::string_view prefix, const std::string& delimiter,
                         const std::string& token, std::stop_token stop) override;
  Result<std::optional<Found>> look_up(std::string_view key, std::stop_token stop) override;
  Result<CloudAnswer> fetch(std::string_view key, const RangeOfTry& range, const HttpSink& sink,
                            std::stop_token stop) override;
  Result<CloudAnswer> erase(std::string_view key) override;
  Error explain(const HttpResponse& response, const std::string& what) const override;
  Result<CloudAnswer> send(std::string_view key, const ObjectSource& source, HttpHeaders condition,
                           std::stop_token stop);
  Result<CloudAnswer> send_in_blocks(std::string_view key, const ObjectSource& source,
                                     HttpHeaders headers, std::stop_token stop);
  Result<PutOutcome> outcome_of(std::string_view key, const ObjectSource& source,
                                Result<CloudAnswer> answer);

  AzureClient client_;
};

}  // namespace athanor
