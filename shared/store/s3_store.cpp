#include "shared/store/s3_store.hpp"

#include "shared/base/units.hpp"
#include "shared/net/http_date.hpp"
#include "shared/net/url.hpp"
#include "shared/store/object_key.hpp"
#include "shared/store/s3_multipart.hpp"
#include "shared/store/source_body.hpp"
#include "shared/store/xml.hpp"

#include <algorithm>

namespace athanor {
namespace {

constexpr std::uint64_t k_listing_bytes = 64_MiB;  // of one page
// Larger objects are looked for before their bytes are sent: some stores judge the condition only
// after the last byte.
constexpr std::uint64_t k_look_first_from = 1_MiB;
// What one CopyObject can do.
constexpr std::uint64_t k_most_copied = 5_GiB;
constexpr std::string_view k_trial_key = ".athanor/tmp/conditional-create";

// A key in a listing with encoding-type=url, where a blank may be "+".
std::string listed_key(std::string text) {
  std::replace(text.begin(), text.end(), '+', ' ');
  return percent_decode(text);
}

}  // namespace

Result<std::unique_ptr<Store>> S3Store::open(std::string_view url, CloudServices services) {
  ATHANOR_ASSIGN(const StoreUrl parsed, StoreUrl::parse(url, S3Settings::names()));
  ATHANOR_ASSIGN(AwsProfile profile, load_aws_profile(services.environment));
  ATHANOR_ASSIGN(S3Settings settings, S3Settings::make(parsed, services.environment, profile));
  std::unique_ptr<S3Store> store(
      new S3Store(parsed.text(), std::move(services), std::move(settings), std::move(profile)));
  // Everybody who uses a store lists it.
  ATHANOR_TRY(store->list_page("", "/", "", {}));
  return std::unique_ptr<Store>(std::move(store));
}

S3Store::S3Store(std::string url, CloudServices services, S3Settings settings, AwsProfile profile)
    : CloudStore(std::move(url)),
      client_(std::move(services), std::move(settings), std::move(profile)) {}

Result<bool> S3Store::creates_conditionally() {
  const std::lock_guard lock(mutex_);
  if (conditional_) {
    return *conditional_;
  }
  const ObjectSource trial = ObjectSource::from_bytes("Tried once by each writer.\n");
  // Twice: a store that doesn't know the condition overwrites, one that does refuses the second.
  for (int i = 1; !conditional_; ++i) {
    auto answer = send(k_trial_key, trial, {{"If-None-Match", "*"}}, {});
    if (!answer) {
      return in_store(std::move(answer).error());
    }
    const int status = answer->response.status;
    if (status == 412) {
      conditional_ = true;
    } else if (status == 501 || (is_success(status) && i == 2)) {
      conditional_ = false;
    } else if (!is_success(status)) {
      return in_store(client_.explain(answer->response, "trying to create an object"));
    }
    if (conditional_ && i == 2) {  // the first one was ours
      static_cast<void>(
          client_
              .perform(
                  {.method = "DELETE", .key = full(k_trial_key), .what = "removing a trial object"},
                  {}, {})
              .ok());
    }
  }
  return *conditional_;
}

Result<CloudStore::Page> S3Store::list_page(std::string_view prefix, const std::string& delimiter,
                                            const std::string& token, std::stop_token stop) {
  S3Request request{.query = {{"list-type", "2"},
                              {"encoding-type", "url"},
                              {"max-keys", "1000"},
                              {"prefix", full(prefix)}},
                    .max_body_bytes = k_listing_bytes,
                    .what = "listing " + quoted_key(prefix)};
  if (!delimiter.empty()) {
    request.query.emplace_back("delimiter", delimiter);
  }
  if (!token.empty()) {
    request.query.emplace_back("continuation-token", token);
  }
  std::string text;
  request.change_each_try = [&](HttpHeaders&) { text.clear(); };
  auto answer = client_.perform(request, collect_into(text), std::move(stop));
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  if (!is_success(answer->response.status)) {
    return in_store(client_.explain(answer->response, request.what));
  }
  ATHANOR_ASSIGN(const XmlElement xml, parse_xml(text));
  const std::string root = client_.settings().prefix;
  Page page;
  for (const XmlElement& element : xml.children) {
    const bool is_folder = element.name == "CommonPrefixes";
    if (!is_folder && element.name != "Contents") {
      continue;
    }
    std::string key = listed_key(element.text_of(is_folder ? "Prefix" : "Key"));
    if (!key.starts_with(request.query[3].second)) {
      return in_store(
          make_error(ErrorKind::corrupt, request.what + ": the store lists what wasn't asked for"));
    }
    key.erase(0, root.size());
    if (is_folder) {
      page.folders.push_back(std::move(key));
    } else if (!key.starts_with(".athanor/tmp/")) {
      page.objects.push_back({.key = std::move(key),
                              .size = number_or_zero(element.text_of("Size")),
                              .version_tag = element.text_of("ETag"),
                              .modified = parse_iso_date(element.text_of("LastModified"))});
    }
  }
  if (xml.text_of("IsTruncated") == "true") {
    page.next = xml.text_of("NextContinuationToken");
    if (page.next.empty()) {
      return in_store(
          make_error(ErrorKind::corrupt, request.what + ": the store's listing breaks off"));
    }
  }
  return page;
}

Result<std::optional<CloudStore::Found>> S3Store::look_up(std::string_view key,
                                                          std::stop_token stop) {
  return found_by_head(
      key,
      client_.perform(
          {.method = "HEAD", .key = full(key), .what = "looking for " + quoted_key(key)}, {},
          std::move(stop)),
      "x-amz-meta-sha256");
}

Result<CloudAnswer> S3Store::fetch(std::string_view key, const RangeOfTry& range,
                                   const HttpSink& sink, std::stop_token stop) {
  return client_.perform({.key = full(key),
                          .max_body_bytes = UINT64_MAX,
                          .change_each_try = ask_for(range),
                          .what = "reading " + quoted_key(key)},
                         sink, std::move(stop));
}

Result<CloudAnswer> S3Store::send(std::string_view key, const ObjectSource& source,
                                  HttpHeaders condition, std::stop_token stop) {
  HttpHeaders headers = client_.settings().write_headers;
  headers.emplace_back("x-amz-meta-sha256", source.digest().sha256.hex());
  if (source.size() > client_.settings().multipart_from) {
    S3MultipartUpload upload(client_, full(key), source, std::move(headers));
    return upload.run(std::move(condition), std::move(stop));
  }
  headers.insert(headers.end(), condition.begin(), condition.end());
  return client_.perform(
      {.method = "PUT",
       .key = full(key),
       .headers = std::move(headers),
       .payload_sha256 = source.digest().sha256.hex(),
       .body = [&] { return body_of(source); },
       .max_body_bytes = 64_KiB,
       .what = "writing " + quoted_key(key)},
      [](std::span<const std::uint8_t>) { return Result<void>(); }, std::move(stop));
}

Result<PutOutcome> S3Store::put_if_absent(std::string_view key, const ObjectSource& source,
                                          std::stop_token stop) {
  ATHANOR_TRY(check_object_key(key));
  ATHANOR_ASSIGN(const bool conditional, creates_conditionally());
  if (!conditional || source.size() >= k_look_first_from) {
    ATHANOR_ASSIGN(const auto found, look_up(key, stop));
    if (found) {
      return PutOutcome::exists;
    }
  }
  HttpHeaders condition;
  if (conditional) {
    condition.emplace_back("If-None-Match", "*");
  }
  auto answer = send(key, source, std::move(condition), std::move(stop));
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  const int status = answer->response.status;
  if (is_success(status)) {
    return PutOutcome::created;
  }
  if (status == 412 && !answer->after_doubt) {
    return PutOutcome::exists;
  }
  if (status == 412 || (status == 404 && answer->after_doubt)) {
    return whose_is_it(key, source);
  }
  return in_store(client_.explain(answer->response, "writing " + quoted_key(key)));
}

Result<PutOutcome> S3Store::put(std::string_view key, const ObjectSource& source,
                                const std::optional<std::string>& expected_version) {
  ATHANOR_TRY(check_object_key(key));
  std::vector<HttpHeaders> conditions;  // to be tried in turn until one holds
  if (expected_version) {
    ATHANOR_ASSIGN(const bool conditional, creates_conditionally());
    if (!conditional || !expected_version->empty()) {
      // Not every store that knows If-None-Match knows If-Match: a look first costs little here.
      ATHANOR_ASSIGN(const auto found, look_up(key, {}));
      if ((found ? found->info.version_tag : std::string()) != *expected_version) {
        return PutOutcome::exists;
      }
    }
    if (conditional && expected_version->empty()) {
      conditions.push_back({{"If-None-Match", "*"}});
    } else if (conditional) {
      conditions.push_back({{"If-Match", *expected_version}});
      if (expected_version->size() > 2 && expected_version->starts_with('"')) {
        // Some stores (Ceph) compare the tag without its quotes. It is a condition either way.
        conditions.push_back(
            {{"If-Match", expected_version->substr(1, expected_version->size() - 2)}});
      }
    }
  }
  if (conditions.empty()) {
    conditions.emplace_back();
  }
  for (const HttpHeaders& condition : conditions) {
    auto answer = send(key, source, condition, {});
    if (!answer) {
      return in_store(std::move(answer).error());
    }
    const int status = answer->response.status;
    if (is_success(status)) {
      return PutOutcome::created;
    }
    if (!expected_version || (status != 412 && status != 404)) {
      return in_store(client_.explain(answer->response, "writing " + quoted_key(key)));
    }
    if (answer->after_doubt) {
      ATHANOR_ASSIGN(const PutOutcome outcome, whose_is_it(key, source));
      if (outcome == PutOutcome::created) {
        return outcome;
      }
    }
  }
  return PutOutcome::exists;
}

Result<CopyOutcome> S3Store::copy_if_absent(std::string_view from, std::string_view to) {
  ATHANOR_TRY(check_object_key(from));
  ATHANOR_TRY(check_object_key(to));
  ATHANOR_ASSIGN(const auto there, look_up(to, {}));
  if (there) {
    return CopyOutcome::exists;
  }
  ATHANOR_ASSIGN(const auto original, look_up(from, {}));
  if (!original) {
    return CopyOutcome::no_original;
  }
  if (original->info.size > k_most_copied) {
    return CopyOutcome::unsupported;
  }
  S3Request request{.method = "PUT",
                    .key = full(to),
                    .max_body_bytes = 64_KiB,
                    .what = "copying " + quoted_key(from)};
  for (const auto& header : client_.settings().write_headers) {
    if (header.first != "x-amz-tagging") {  // tags come along by themselves
      request.headers.push_back(header);
    }
  }
  request.headers.emplace_back("x-amz-copy-source", "/" + client_.settings().bucket + "/" +
                                                        percent_encode(full(from), KeepSlash::yes));
  std::string text;
  request.change_each_try = [&](HttpHeaders&) { text.clear(); };
  auto answer = client_.perform(request, collect_into(text), {});
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  const int status = answer->response.status;
  if (status == 501) {
    return CopyOutcome::unsupported;
  }
  // The store may have sent its 200 before it knew the end: then the body is an error.
  const auto xml = parse_xml(text);
  if (is_success(status) && xml && xml->name == "CopyObjectResult") {
    return CopyOutcome::created;
  }
  if (is_success(status)) {
    return in_store(make_error(ErrorKind::retry, request.what + ": the store gave up half-way"));
  }
  return in_store(client_.explain(answer->response, request.what));
}

Result<CloudAnswer> S3Store::erase(std::string_view key) {
  return client_.perform(
      {.method = "DELETE", .key = full(key), .what = "removing " + quoted_key(key)}, {}, {});
}

Error S3Store::explain(const HttpResponse& response, const std::string& what) const {
  return client_.explain(response, what);
}

}  // namespace athanor
