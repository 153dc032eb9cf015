#pragma once

#include "shared/origin/origin_client.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace athanor {

// Objects of buckets, each bucket opened once. Internal to origin; thread-safe.
class BucketOrigins {
 public:
  explicit BucketOrigins(OpenBucket open);

  Result<HttpResponse> perform(const HttpRequest& request, const HttpSink& sink,
                               std::stop_token stop);

 private:
  Result<Store*> bucket(const std::string& url);

  OpenBucket open_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Store>> buckets_;  // guarded by mutex_; never removed from
};

}  // namespace athanor
