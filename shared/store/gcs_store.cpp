#include "shared/store/gcs_store.hpp"

#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"
#include "shared/net/http_date.hpp"
#include "shared/store/encoding.hpp"
#include "shared/store/object_key.hpp"
#include "shared/store/source_body.hpp"

#include <algorithm>

namespace athanor {
namespace {

constexpr std::uint64_t k_listing_bytes = 64_MiB;  // of one page
constexpr std::uint64_t k_answer_bytes = 1_MiB;
constexpr std::uint64_t k_look_first_from = 1_MiB;  // spares sending what is there already

// 64-bit numbers are text in Google's JSON.
Result<ObjectInfo> info_of(const JsonView& item, std::size_t root) {
  ATHANOR_ASSIGN(const std::string_view name, item.string("name"));
  ATHANOR_ASSIGN(const std::string_view size, item.string("size"));
  ATHANOR_ASSIGN(const std::string_view generation, item.string("generation"));
  ATHANOR_ASSIGN(const auto updated, item.optional_string("updated"));
  return ObjectInfo{.key = std::string(name.substr(std::min(root, name.size()))),
                    .size = number_or_zero(size),
                    .version_tag = std::string(generation),
                    .modified = parse_iso_date(updated.value_or(""))};
}

std::string description_of(const std::string& key, const ObjectSource& source) {
  return dump_json(
      Json::object({{"name", key},
                    {"contentType", "application/octet-stream"},
                    {"md5Hash", base64_encode(source.digest().md5.bytes)},
                    {"metadata", Json::object({{"sha256", source.digest().sha256.hex()}})}}));
}

// How many bytes an unfinished upload has: "bytes=0-262143"; without the header, none.
std::uint64_t received_bytes(const HttpResponse& response) {
  const std::string range = response.header("range").value_or("");
  const std::size_t dash = range.rfind('-');
  return dash == std::string::npos ? 0
                                   : number_or_zero(std::string_view(range).substr(dash + 1)) + 1;
}

}  // namespace

Result<std::unique_ptr<Store>> GcsStore::open(std::string_view url, CloudServices services) {
  ATHANOR_ASSIGN(const StoreUrl parsed, StoreUrl::parse(url, GcsSettings::names()));
  ATHANOR_ASSIGN(GcsSettings settings, GcsSettings::make(parsed, services.environment));
  std::unique_ptr<GcsStore> store(
      new GcsStore(parsed.text(), std::move(services), std::move(settings)));
  // Everybody who uses a store lists it.
  ATHANOR_TRY(store->list_page("", "/", "", {}));
  return std::unique_ptr<Store>(std::move(store));
}

GcsStore::GcsStore(std::string url, CloudServices services, GcsSettings settings)
    : CloudStore(std::move(url)),
      client_(std::move(services), std::move(settings)) {}

Result<CloudStore::Page> GcsStore::list_page(std::string_view prefix, const std::string& delimiter,
                                             const std::string& token, std::stop_token stop) {
  const std::string whole_prefix = full(prefix);
  QueryPairs query = {{"maxResults", "1000"},
                      {"fields", "items(name,size,generation,updated),prefixes,nextPageToken"}};
  for (const auto& [name, value] :
       QueryPairs{{"prefix", whole_prefix}, {"delimiter", delimiter}, {"pageToken", token}}) {
    if (!value.empty()) {
      query.emplace_back(name, value);
    }
  }
  std::string text;
  GcsCall call{.url = client_.objects_url(query),
               .max_body_bytes = k_listing_bytes,
               .change_each_try = [&](HttpRequest&, unsigned) -> Result<void> {
                 text.clear();
                 return {};
               },
               .what = "listing " + quoted_key(prefix)};
  auto answer = client_.perform(call, collect_into(text), std::move(stop));
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  if (!is_success(answer->response.status)) {
    return in_store(client_.explain(answer->response, call.what));
  }
  ATHANOR_ASSIGN(const Json json, parse_json(text));
  const JsonView view(json, "the listing");
  const std::size_t root = client_.settings().prefix.size();
  Page page;
  ATHANOR_ASSIGN(const auto items, view.optional_member("items"));
  if (items) {
    ATHANOR_ASSIGN(const auto list, items->items());
    for (const JsonView& item : list) {
      ATHANOR_ASSIGN(ObjectInfo info, info_of(item, root));
      if (!info.key.starts_with(".athanor/tmp/")) {
        page.objects.push_back(std::move(info));
      }
    }
  }
  ATHANOR_ASSIGN(const auto prefixes, view.strings("prefixes"));
  for (const std::string& folder : prefixes) {
    page.folders.push_back(folder.substr(std::min(root, folder.size())));
  }
  ATHANOR_ASSIGN(const auto next, view.optional_string("nextPageToken"));
  page.next = next.value_or("");
  return page;
}

Result<std::optional<CloudStore::Found>> GcsStore::look_up(std::string_view key,
                                                           std::stop_token stop) {
  std::string text;
  const GcsCall call{
      .url = client_.object_url(full(key), {{"fields", "name,size,generation,updated,metadata"}}),
      .max_body_bytes = k_answer_bytes,
      .change_each_try = [&](HttpRequest&, unsigned) -> Result<void> {
        text.clear();
        return {};
      },
      .what = "looking for " + quoted_key(key)};
  auto answer = client_.perform(call, collect_into(text), std::move(stop));
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  if (answer->response.status == 404) {
    return std::optional<Found>();
  }
  if (!is_success(answer->response.status)) {
    return in_store(client_.explain(answer->response, call.what));
  }
  ATHANOR_ASSIGN(const Json json, parse_json(text));
  const JsonView view(json, "the object's description");
  Found found;
  ATHANOR_ASSIGN(found.info, info_of(view, client_.settings().prefix.size()));
  ATHANOR_ASSIGN(const auto metadata, view.optional_member("metadata"));
  if (metadata) {
    ATHANOR_ASSIGN(const auto sha256, metadata->optional_string("sha256"));
    found.sha256 = sha256.value_or("");
  }
  return std::optional(std::move(found));
}

Result<CloudAnswer> GcsStore::fetch(std::string_view key, const RangeOfTry& range,
                                    const HttpSink& sink, std::stop_token stop) {
  return client_.perform({.url = client_.object_url(full(key), {{"alt", "media"}}),
                          .max_body_bytes = UINT64_MAX,
                          .change_each_try = [&](HttpRequest& request, unsigned) -> Result<void> {
                            if (auto header = range()) {
                              request.headers.emplace_back("Range", *header);
                            }
                            return {};
                          },
                          .what = "reading " + quoted_key(key)},
                         sink, std::move(stop));
}

Result<CloudAnswer> GcsStore::send(std::string_view key, const ObjectSource& source,
                                   QueryPairs condition, std::stop_token stop) {
  if (source.size() > client_.settings().resumable_from) {
    return send_in_chunks(key, source, std::move(condition), std::move(stop));
  }
  // Description and bytes in one request. The boundary is a digest that can't be in the bytes: it
  // is made of theirs.
  const std::string boundary = sha256_of("boundary " + source.digest().sha256.hex()).hex();
  const std::string before = "--" + boundary +
                             "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" +
                             description_of(full(key), source) + "\r\n--" + boundary +
                             "\r\nContent-Type: application/octet-stream\r\n\r\n";
  const std::string after = "\r\n--" + boundary + "--\r\n";
  QueryPairs query = std::move(condition);
  query.emplace_back("uploadType", "multipart");
  return client_.perform(
      {.method = "POST",
       .url = client_.upload_url(query),
       .headers = {{"Content-Type", "multipart/related; boundary=" + boundary}},
       .body = [&] { return framed_body_of(before, source, after); },
       .max_body_bytes = k_answer_bytes,
       .what = "writing " + quoted_key(key)},
      [](std::span<const std::uint8_t>) { return Result<void>(); }, std::move(stop));
}

Result<CloudAnswer> GcsStore::send_in_chunks(std::string_view key, const ObjectSource& source,
                                             QueryPairs condition, std::stop_token stop) {
  const auto ignore = [](std::span<const std::uint8_t>) { return Result<void>(); };
  const std::string total = std::to_string(source.size());
  QueryPairs query = std::move(condition);
  query.emplace_back("uploadType", "resumable");
  ATHANOR_ASSIGN(CloudAnswer begun,
                 client_.perform({.method = "POST",
                                  .url = client_.upload_url(query),
                                  .headers = {{"Content-Type", "application/json; charset=UTF-8"},
                                              {"X-Upload-Content-Length", total}},
                                  .body = [&]() -> Result<HttpBody> {
                                    return body_of_text(description_of(full(key), source));
                                  },
                                  .max_body_bytes = k_answer_bytes,
                                  .what = "beginning to write " + quoted_key(key)},
                                 ignore, stop));
  const std::string session = begun.response.header("location").value_or("");
  if (!is_success(begun.response.status)) {
    begun.after_doubt = false;  // nothing has been created by an upload that never began
    return begun;
  }
  if (!session.starts_with("https://") && !session.starts_with(client_.settings().endpoint)) {
    return make_error(ErrorKind::corrupt,
                      "writing " + quoted_key(key) + ": the store names no upload of its own");
  }
  std::uint64_t offset = 0;
  int idle_rounds = 0;
  bool in_doubt = false;
  constexpr int k_most_idle_rounds = 8;
  while (idle_rounds < k_most_idle_rounds) {
    const ByteRange chunk{
        .offset = offset,
        .length = std::min(client_.settings().chunk_bytes, source.size() - offset)};
    // After a failure the store is asked how far it got, by a request that brings no bytes.
    const auto change = [&](HttpRequest& request, unsigned attempt) -> Result<void> {
      if (attempt == 1) {
        ATHANOR_ASSIGN(request.body, body_of(source, chunk));
        request.headers.emplace_back(
            "Content-Range", "bytes " + std::to_string(chunk.offset) + "-" +
                                 std::to_string(chunk.offset + chunk.length - 1) + "/" + total);
      } else {
        request.body = body_of_text("");
        request.headers.emplace_back("Content-Range", "bytes */" + total);
      }
      return {};
    };
    ATHANOR_ASSIGN(CloudAnswer answer, client_.perform({.method = "PUT",
                                                        .url = session,
                                                        .max_body_bytes = k_answer_bytes,
                                                        .change_each_try = change,
                                                        .what = "writing " + quoted_key(key)},
                                                       ignore, stop));
    in_doubt = in_doubt || answer.after_doubt;
    if (answer.response.status != 308) {
      answer.after_doubt = in_doubt;
      return answer;
    }
    const std::uint64_t received = std::min(received_bytes(answer.response), source.size());
    idle_rounds = received > offset ? 0 : idle_rounds + 1;
    offset = received;
  }
  return make_error(ErrorKind::retry,
                    "writing " + quoted_key(key) + ": the store takes no more bytes");
}

Result<PutOutcome> GcsStore::outcome_of(std::string_view key, const ObjectSource& source,
                                        Result<CloudAnswer> answer) {
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
  if (status != 412 && !((status == 404 || status == 410) && answer->after_doubt)) {
    Error error = client_.explain(answer->response, "writing " + quoted_key(key));
    if (status == 404 || status == 410) {
      error.kind = ErrorKind::retry;  // the upload is no more: another one may do
    }
    return in_store(std::move(error));
  }
  return whose_is_it(key, source);
}

Result<PutOutcome> GcsStore::put_if_absent(std::string_view key, const ObjectSource& source,
                                           std::stop_token stop) {
  ATHANOR_TRY(check_object_key(key));
  if (source.size() >= k_look_first_from) {
    ATHANOR_ASSIGN(const auto found, look_up(key, stop));
    if (found) {
      return PutOutcome::exists;
    }
  }
  return outcome_of(key, source, send(key, source, {{"ifGenerationMatch", "0"}}, std::move(stop)));
}

Result<PutOutcome> GcsStore::put(std::string_view key, const ObjectSource& source,
                                 const std::optional<std::string>& expected_version) {
  ATHANOR_TRY(check_object_key(key));
  QueryPairs condition;
  if (expected_version) {
    condition.emplace_back("ifGenerationMatch",
                           expected_version->empty() ? "0" : *expected_version);
  }
  return outcome_of(key, source, send(key, source, std::move(condition), {}));
}

Result<CloudAnswer> GcsStore::erase(std::string_view key) {
  return client_.perform({.method = "DELETE",
                          .url = client_.object_url(full(key), {}),
                          .what = "removing " + quoted_key(key)},
                         {}, {});
}

Error GcsStore::explain(const HttpResponse& response, const std::string& what) const {
  return client_.explain(response, what);
}

}  // namespace athanor
