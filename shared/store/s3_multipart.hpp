#pragma once

#include "shared/base/result.hpp"
#include "shared/store/s3_client.hpp"
#include "shared/store/store.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace athanor {

// One object that goes up in parts, several at a time, each read from the source as it is sent.
// Parts of an upload that doesn't end well are taken away. Used by one thread.
class S3MultipartUpload {
 public:
  // All outlive the upload. `key` is the whole key in the bucket; `headers` belong to the object.
  S3MultipartUpload(S3Client& client, std::string key, const ObjectSource& source,
                    HttpHeaders headers);

  // Up to the object: the answer is 2xx, or 412 (`condition`, a header, didn't hold), or 404 (the
  // upload is no more: an earlier, lost answer may have completed it).
  Result<CloudAnswer> run(HttpHeaders condition, std::stop_token stop);

 private:
  Result<void> begin(std::stop_token stop);
  Result<void> send_part(std::size_t index, std::stop_token stop);
  Result<CloudAnswer> complete(HttpHeaders condition, std::stop_token stop);
  void abort();

  S3Client& client_;
  const std::string key_;
  const ObjectSource& source_;
  const HttpHeaders headers_;
  std::uint64_t part_bytes_ = 0;
  std::string upload_id_;
  std::vector<std::string> etags_;  // by part; each is written by one thread only
};

}  // namespace athanor
