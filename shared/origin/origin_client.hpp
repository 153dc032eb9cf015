#pragma once

#include "shared/base/clock.hpp"
#include "shared/net/http_client.hpp"
#include "shared/store/store.hpp"

#include <functional>
#include <memory>
#include <string>

namespace athanor {

// Opens a bucket by its URL ("s3://bucket?region=eu-west-1"), for reading. Thread-safe.
using OpenBucket = std::function<Result<std::unique_ptr<Store>>(const std::string& url)>;
OpenBucket real_buckets();

struct OriginPlaceOptions {
  OpenBucket open_bucket = real_buckets();
  const Clock* clock = nullptr;  // for how long registries' tokens are good; outlives the client
};

// A client for every place that packages come from:
//
// - http, https and file URLs are the inner client's;
// - "s3://bucket/prefix/linux-64/x-1-0.conda" (gs, az, azure likewise) is an object of a bucket,
//   with the credentials that a store in that bucket would be opened with. Settings of a store may
//   stand in the query ("?endpoint=…&anonymous=true");
// - "oci://registry/prefix/linux-64/x-1-0.conda" is a layer of the image prefix/linux-64/x:1-0 in
//   an OCI registry. Talked to over https, or http if it is on this machine; the inner client's
//   credentials for that host count.
//
// All answer GET and HEAD as an HTTP server would: 200, 206 for "Range: bytes=N-" (with If-Range),
// 404, 416. Thread-safe.
std::unique_ptr<HttpClient> make_origin_client(std::unique_ptr<HttpClient> inner,
                                               OriginPlaceOptions options);

}  // namespace athanor
