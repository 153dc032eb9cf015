#pragma once

#include "shared/net/http_client.hpp"
#include "shared/store/cloud_client.hpp"
#include "shared/store/store.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

// What the stores of all clouds do alike, over the few requests that differ: page through listings,
// resume a broken download, look whose an object is after an answer was lost. Thread-safe, as long
// as the requests are. Errors are told with the store's URL before them.
class CloudStore : public Store {
 public:
  const std::string& url() const final { return url_; }
  bool cheap_lookups() const final { return false; }
  Result<void> list(std::string_view prefix, const ObjectVisitor& visit,
                    std::stop_token stop) final;
  Result<std::vector<FolderEntry>> list_folder(std::string_view prefix) final;
  Result<std::optional<ObjectInfo>> find(std::string_view key) final;
  Result<bool> get(std::string_view key, ByteRange range, const ObjectSink& sink,
                   std::stop_token stop) final;
  Result<void> remove(std::string_view key) final;

 protected:
  explicit CloudStore(std::string url)
      : url_(std::move(url)) {}

  // One page of a listing. Keys are relative to the store's root; what stands under .athanor/tmp/
  // isn't in it.
  struct Page {
    std::vector<ObjectInfo> objects;
    std::vector<std::string> folders;  // with their final "/"
    std::string next;                  // the next page's token; empty: the last page
  };
  virtual Result<Page> list_page(std::string_view prefix, const std::string& delimiter,
                                 const std::string& token, std::stop_token stop) = 0;

  struct Found {
    ObjectInfo info;
    std::string sha256;  // as our own metadata say; empty if they don't
  };
  virtual Result<std::optional<Found>> look_up(std::string_view key, std::stop_token stop) = 0;

  // Asks for an object's bytes. `range` is asked before each try for the Range header to send: a
  // try after the first goes on where the bytes broke off.
  using RangeOfTry = std::function<std::optional<std::string>()>;
  virtual Result<CloudAnswer> fetch(std::string_view key, const RangeOfTry& range,
                                    const HttpSink& sink, std::stop_token stop) = 0;
  virtual Result<CloudAnswer> erase(std::string_view key) = 0;

  // The failure that an answer other than 2xx means.
  virtual Error explain(const HttpResponse& response, const std::string& what) const = 0;

  // What the answer to a HEAD says, for stores that keep our SHA-256 under such a header.
  Result<std::optional<Found>> found_by_head(std::string_view key, Result<CloudAnswer> answer,
                                             std::string_view sha256_header) const;
  // Adds to each try the Range header that it needs. `range` outlives what is returned.
  static std::function<void(HttpHeaders&)> ask_for(const RangeOfTry& range);

  // After an answer was lost: an object with our bytes is ours.
  Result<PutOutcome> whose_is_it(std::string_view key, const ObjectSource& source);
  Error in_store(Error error) const;

 private:
  const std::string url_;
};

// Small words that the clouds' stores share.
bool is_success(int status);
std::string quoted_key(std::string_view key);
// 0 if the text is no number.
std::uint64_t number_or_zero(std::string_view text);

}  // namespace athanor
