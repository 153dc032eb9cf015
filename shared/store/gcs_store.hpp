#pragma once

#include "shared/store/gcs_client.hpp"
#include "shared/store/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A store in a bucket of Google Cloud Storage, by its JSON API. Objects are created with
// "ifGenerationMatch=0", which is judged when the upload ends, in chunks or in one piece. What is
// relied on: STORES.md.
class GcsStore final : public Store {
 public:
  // Looks whether the bucket is there and the credentials are accepted.
  static Result<std::unique_ptr<Store>> open(std::string_view url, CloudServices services);

  const std::string& url() const override { return url_; }
  bool cheap_lookups() const override { return false; }
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
  GcsStore(std::string url, CloudServices services, GcsSettings settings);

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
  Result<std::optional<Found>> stat(std::string_view key, std::stop_token stop);
  Result<CloudAnswer> send(std::string_view key, const ObjectSource& source, QueryPairs condition,
                           std::stop_token stop);
  Result<CloudAnswer> send_in_chunks(std::string_view key, const ObjectSource& source,
                                     QueryPairs condition, std::stop_token stop);
  Result<PutOutcome> outcome_of(std::string_view key, const ObjectSource& source,
                                Result<CloudAnswer> answer);

  const std::string url_;
  GcsClient client_;
};

}  // namespace athanor
