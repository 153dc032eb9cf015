#include "shared/origin/bucket_origin.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/net/content_range.hpp"
#include "shared/net/url.hpp"

#include <algorithm>
#include <utility>

namespace athanor {
namespace {

std::string entity_tag(const ObjectInfo& info) {
  std::string tag = info.version_tag;
  std::erase(tag, '"');
  return '"' + tag + '"';
}

// The head of the answer about an object, as an HTTP server would write it.
HttpResponse head_of(const ObjectInfo& info, const HttpRequest& request) {
  HttpResponse response;
  const std::string tag = entity_tag(info);
  const std::uint64_t start = open_range_start(request.headers, tag).value_or(0);
  response.headers["etag"] = tag;
  if (start > 0 && start >= info.size) {
    response.status = 416;
    return response;
  }
  response.status = start == 0 ? 200 : 206;
  response.headers["content-length"] = std::to_string(info.size - start);
  if (start > 0) {
    response.headers["content-range"] = spell_content_range(start, info.size);
  }
  return response;
}

}  // namespace

BucketOrigins::BucketOrigins(OpenBucket open)
    : open_(std::move(open)) {}

Result<Store*> BucketOrigins::bucket(const std::string& url) {
  const std::lock_guard lock(mutex_);
  if (const auto known = buckets_.find(url); known != buckets_.end()) {
    return known->second.get();
  }
  ATHANOR_ASSIGN(std::unique_ptr<Store> opened, open_(url));
  return buckets_.emplace(url, std::move(opened)).first->second.get();
}

Result<HttpResponse> BucketOrigins::perform(const HttpRequest& request, const HttpSink& sink,
                                            std::stop_token stop) {
  if (request.method != "GET" && request.method != "HEAD") {
    return make_error(ErrorKind::unsupported, "buckets are only read");
  }
  ATHANOR_ASSIGN(const Url url, Url::parse(request.url));
  const std::string root =
      url.scheme + "://" + url.netloc() + (url.query.empty() ? "" : "?" + url.query);
  ATHANOR_ASSIGN(Store * store, bucket(root));
  const std::string key = percent_decode(url.path.substr(1));
  HttpResponse missing;
  missing.status = 404;
  missing.effective_url = url.redacted();
  ATHANOR_ASSIGN(const std::optional<ObjectInfo> info, store->find(key));
  if (!info) {
    return missing;
  }
  HttpResponse response = head_of(*info, request);
  response.effective_url = url.redacted();
  if (response.status == 416) {
    return response;
  }
  const std::uint64_t length = *parse_size(response.headers["content-length"]);
  if (request.method == "GET" && length > request.max_body_bytes) {
    return make_error(ErrorKind::rejected, "fetching " + url.redacted() + ": it has " +
                                               human_size(length) + ", the limit is " +
                                               human_size(request.max_body_bytes));
  }
  if (request.on_answer) {
    ATHANOR_TRY(request.on_answer(response));
  }
  if (request.method == "HEAD") {
    return response;
  }
  const ObjectSink count = [&](std::span<const std::uint8_t> bytes) -> Result<void> {
    response.body_bytes += bytes.size();
    return sink(bytes);
  };
  ATHANOR_ASSIGN(const bool found,
                 store->get(key, {.offset = info->size - length}, count, std::move(stop)));
  if (found && response.body_bytes < length) {
    return make_error(ErrorKind::retry, "fetching " + url.redacted() + ": the object ended early");
  }
  return found ? response : missing;
}

}  // namespace athanor
