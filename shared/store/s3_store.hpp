#pragma once

#include "shared/store/cloud_store.hpp"
#include "shared/store/s3_client.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A store in a bucket of S3 or of what speaks its protocol. Objects are created with
// "If-None-Match: *"; where a store can't do that (tried once, with an object of our own that is
// taken away again), it is asked first and there is a moment in which two writers don't see each
// other. What is relied on: STORES.md.
class S3Store final : public CloudStore {
 public:
  // Looks whether the bucket is there and the credentials are accepted.
  static Result<std::unique_ptr<Store>> open(std::string_view url, CloudServices services);

  Result<bool> creates_conditionally() override;
  Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                   std::stop_token stop) override;
  Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                         const std::optional<std::string>& expected_version) override;
  // CopyObject, of objects up to 5 GiB; a look comes first.
  Result<CopyOutcome> copy_if_absent(std::string_view from, std::string_view to) override;

 private:
  S3Store(std::string url, CloudServices services, S3Settings settings, AwsProfile profile);

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

  S3Client client_;
  std::mutex mutex_;
  std::optional<bool> conditional_;  // guarded by mutex_; set once it has been tried
};

}  // namespace athanor
