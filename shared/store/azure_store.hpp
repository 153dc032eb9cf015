#pragma once

#include "shared/store/azure_client.hpp"
#include "shared/store/store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

// A store in a container of Azure Blob Storage: block blobs, created with "If-None-Match: *", which
// holds for blobs in blocks as well. What is relied on: STORES.md.
class AzureStore final : public Store {
 public:
  // Looks whether the container is there and the credentials are accepted.
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
  AzureStore(std::string url, CloudServices services, AzureSettings settings);

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
                         const std::string& marker, std::stop_token stop);
  Result<std::optional<Found>> head(std::string_view key, std::stop_token stop);
  Result<CloudAnswer> send(std::string_view key, const ObjectSource& source, HttpHeaders condition,
                           std::stop_token stop);
  Result<CloudAnswer> send_in_blocks(std::string_view key, const ObjectSource& source,
                                     HttpHeaders headers, std::stop_token stop);
  Result<PutOutcome> outcome_of(std::string_view key, const ObjectSource& source,
                                Result<CloudAnswer> answer);

  const std::string url_;
  AzureClient client_;
};

}  // namespace athanor
