#pragma once

#include "shared/store/s3_client.hpp"
#include "shared/store/store.hpp"

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
class S3Store final : public Store {
 public:
  // Looks whether the bucket is there and the credentials are accepted.
  static Result<std::unique_ptr<Store>> open(std::string_view url, CloudServices services);

  const std::string& url() const override { return url_; }
  bool cheap_lookups() const override { return false; }
  Result<bool> creates_conditionally() override;
  Result<void> list(std::string_view prefix, const ObjectVisitor& visit,
                    std::stop_token stop) override;
  Result<std::vector<FolderEntry>> list_folder(std::string_view prefix) override;
  Result<std::optional<ObjectInfo>> find(std::string_view key) override;
  Result<bool> get(std::string_view key, ByteRange range, const ObjectSink& sink,
                   std::stop_token stop) override;
  Result<PutOutcome> put_if_absent(std::string_view key, const ObjectSource& source,
                                   std::stop_token stop) override;
  Result<PutOutcome> put(std::string_view key, const ObjectSource& source,
                         const std::optional<std::string>& expected_version) override;
  Result<void> remove(std::string_view key) override;

 private:
  S3Store(std::string url, CloudServices services, S3Settings settings, AwsProfile profile);

  struct Found {
    ObjectInfo info;
    std::string sha256;  // as our own metadata say; empty if they don't
  };
  struct Page;

  Error in_store(Error error) const;
  std::string full(std::string_view key) const {
    return client_.settings().prefix + std::string(key);
  }
  Result<Page> list_page(std::string_view prefix, const std::string& delimiter,
                         const std::string& token, std::stop_token stop);
  Result<std::optional<Found>> head(std::string_view key, std::stop_token stop);
  Result<CloudAnswer> send(std::string_view key, const ObjectSource& source, HttpHeaders condition,
                           std::stop_token stop);
  Result<PutOutcome> whose_is_it(std::string_view key, const ObjectSource& source);

  const std::string url_;
  S3Client client_;
  std::mutex mutex_;
  std::optional<bool> conditional_;  // guarded by mutex_; set once it has been tried
};

}  // namespace athanor
