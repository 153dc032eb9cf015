#include "shared/store/s3_multipart.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/store/cloud_store.hpp"
#include "shared/store/parallel_parts.hpp"
#include "shared/store/source_body.hpp"
#include "shared/store/xml.hpp"

#include <algorithm>
#include <utility>

namespace athanor {
namespace {

constexpr std::uint64_t k_most_parts = 10'000;
constexpr std::uint64_t k_answer_bytes = 1_MiB;

}  // namespace

S3MultipartUpload::S3MultipartUpload(S3Client& client, std::string key, const ObjectSource& source,
                                     HttpHeaders headers)
    : client_(client),
      key_(std::move(key)),
      source_(source),
      headers_(std::move(headers)) {
  const std::uint64_t least = (source.size() + k_most_parts - 1) / k_most_parts;
  part_bytes_ = std::max(client.settings().part_bytes, (least + 1_MiB - 1) / 1_MiB * 1_MiB);
  etags_.resize((source.size() + part_bytes_ - 1) / part_bytes_);
}

Result<CloudAnswer> S3MultipartUpload::run(HttpHeaders condition, std::stop_token stop) {
  ATHANOR_TRY(begin(stop));
  auto sent =
      send_parts_in_parallel(etags_.size(), stop, [this](std::size_t part, std::stop_token enough) {
        return send_part(part, std::move(enough));
      });
  if (!sent) {
    abort();
    return std::move(sent).error();
  }
  auto completed = complete(std::move(condition), stop);
  if (!completed || !is_success(completed->response.status)) {
    abort();
  }
  return completed;
}

Result<void> S3MultipartUpload::begin(std::stop_token stop) {
  std::string text;
  S3Request request{.method = "POST",
                    .key = key_,
                    .query = {{"uploads", ""}},
                    .headers = headers_,
                    .max_body_bytes = k_answer_bytes,
                    .what = "beginning to write '" + printable(key_) + "'"};
  ATHANOR_ASSIGN(const CloudAnswer answer,
                 client_.perform(request, collect_into(text), std::move(stop)));
  if (!is_success(answer.response.status)) {
    return client_.explain(answer.response, request.what);
  }
  ATHANOR_ASSIGN(const XmlElement xml, parse_xml(text));
  upload_id_ = xml.text_of("UploadId");
  if (upload_id_.empty()) {
    return make_error(ErrorKind::corrupt, request.what + ": the store names no upload");
  }
  return {};
}

Result<void> S3MultipartUpload::send_part(std::size_t index, std::stop_token stop) {
  const ByteRange range{.offset = index * part_bytes_,
                        .length = std::min(part_bytes_, source_.size() - index * part_bytes_)};
  ATHANOR_ASSIGN(const Sha256 sha256, sha256_of_range(source_, range));
  S3Request request{
      .method = "PUT",
      .key = key_,
      .query = {{"partNumber", std::to_string(index + 1)}, {"uploadId", upload_id_}},
      .payload_sha256 = sha256.hex(),
      .body = [&] { return body_of(source_, range); },
      .what = "writing part " + std::to_string(index + 1) + " of '" + printable(key_) + "'"};
  ATHANOR_ASSIGN(const CloudAnswer answer, client_.perform(request, {}, std::move(stop)));
  if (!is_success(answer.response.status)) {
    return client_.explain(answer.response, request.what);
  }
  etags_[index] = answer.response.header("etag").value_or("");
  return {};
}

Result<CloudAnswer> S3MultipartUpload::complete(HttpHeaders condition, std::stop_token stop) {
  std::string list = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags_.size(); ++i) {
    list += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" +
            xml_escape(etags_[i]) + "</ETag></Part>";
  }
  list += "</CompleteMultipartUpload>";
  std::string text;
  S3Request request{.method = "POST",
                    .key = key_,
                    .query = {{"uploadId", upload_id_}},
                    .headers = std::move(condition),
                    .payload_sha256 = sha256_of(list).hex(),
                    .body = [&]() -> Result<HttpBody> {
                      text.clear();
                      return body_of_text(list);
                    },
                    .max_body_bytes = k_answer_bytes,
                    .what = "finishing '" + printable(key_) + "'"};
  constexpr int k_tries = 3;
  for (int i = 1;; ++i) {
    ATHANOR_ASSIGN(CloudAnswer answer, client_.perform(request, collect_into(text), stop));
    if (!is_success(answer.response.status)) {
      return answer;
    }
    // The store may have sent its 200 before it knew the end: then the body is an error.
    const auto xml = parse_xml(text);
    if (xml && xml->name == "CompleteMultipartUploadResult") {
      return answer;
    }
    if (i == k_tries) {
      const std::string code = xml ? xml->text_of("Code") : std::string();
      return make_error(ErrorKind::retry,
                        request.what + ": the store could not put the parts together" +
                            (code.empty() ? "" : " (" + printable(code, 64) + ")"));
    }
  }
}

void S3MultipartUpload::abort() {
  // Whatever comes of it: the store's own rules take old parts away in the end.
  const S3Request request{.method = "DELETE",
                          .key = key_,
                          .query = {{"uploadId", upload_id_}},
                          .what = "taking away the parts of '" + printable(key_) + "'"};
  static_cast<void>(client_.perform(request, {}, {}).ok());
}

}  // namespace athanor
