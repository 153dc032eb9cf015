#pragma once

#include "shared/store/cloud_store.hpp"
#include "shared/store/gcs_client.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A store in a bucket of Google Cloud Storage, by its JSON API. Objects are created with
// "ifGenerationMatch=0", which is judged when the upload ends, in chunks or in one piece. What is
// relied on: STORES.md.
class GcsStore final : public CloudStore {
 public:
  // Looks whether the bucket is there and the credentials are accepted.
  static Result<std::unique_ptr<Store>> open(std::string_view url, CloudServices services);

  Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                   std::stop_token stop) override;
  Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                         const std::optional<std::string>& expected_version) override;

 private:
  GcsStore(std::string url, CloudServices services, GcsSettings settings);

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
  Result<CloudAnswer> send(std::string_view key, const ObjectSource& source, QueryPairs condition,
                           std::stop_token stop);
  Result<CloudAnswer> send_in_chunks(std::string_view key, const ObjectSource& source,
                                     QueryPairs condition, std::stop_token stop);
  Result<PutOutcome> outcome_of(std::string_view key, const ObjectSource& source,
                                Result<CloudAnswer> answer);

  GcsClient client_;
};

}  // namespace athanor
