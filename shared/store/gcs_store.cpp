#include "shared/store/gcs_store.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"
#include "shared/store/encoding.hpp"
#include "shared/store/folder_entries.hpp"
#include "shared/store/object_key.hpp"
#include "shared/store/source_body.hpp"

#include <algorithm>
#include <charconv>

namespace athanor {
namespace {

constexpr std::uint64_t k_listing_bytes = 64_MiB;  // of one page
constexpr std::uint64_t k_answer_bytes = 1_MiB;
constexpr std::uint64_t k_look_first_from = 1_MiB;  // spares sending what is there already

bool is_success(int status) {
  return status >= 200 && status < 300;
}

std::string quoted_key(std::string_view key) {
  return "'" + printable(key, 1100) + "'";
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// 64-bit numbers are text in Google's JSON.
Result<ObjectInfo> info_of(const JsonView& item, std::size_t root) {
  ATHANOR_ASSIGN(const std::string_view name, item.string("name"));
  ATHANOR_ASSIGN(const std::string_view size, item.string("size"));
  ATHANOR_ASSIGN(const std::string_view generation, item.string("generation"));
  return ObjectInfo{.key = std::string(name.substr(std::min(root, name.size()))),
                    .size = number(size),
                    .version_tag = std::string(generation)};
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
  return dash == std::string::npos ? 0 : number(std::string_view(range).substr(dash + 1)) + 1;
}

}  // namespace

struct GcsStore::Page {
  std::vector<ObjectInfo> objects;   // keys relative to the store's root
  std::vector<std::string> folders;  // relative to the root, with their final "/"
  std::string next;                  // empty: the last page
};

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
    : url_(std::move(url)),
      client_(std::move(services), std::move(settings)) {}

Error GcsStore::in_store(Error error) const {
  return std::move(error).with_context("the store " + url_);
}

Result<GcsStore::Page> GcsStore::list_page(std::string_view prefix, const std::string& delimiter,
                                           const std::string& token, std::stop_token stop) {
  const std::string whole_prefix = full(prefix);
  QueryPairs query = {{"maxResults", "1000"},
                      {"fields", "items(name,size,generation),prefixes,nextPageToken"}};
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

Result<void> GcsStore::list(std::string_view prefix, const ObjectVisitor& visit,
                            std::stop_token stop) {
  ATHANOR_TRY(check_object_prefix(prefix));
  std::string token;
  do {
    ATHANOR_ASSIGN(const Page page, list_page(prefix, "", token, stop));
    for (const ObjectInfo& info : page.objects) {
      ATHANOR_TRY(visit(info));
    }
    token = page.next;
  } while (!token.empty());
  return {};
}

Result<std::vector<Store::FolderEntry>> GcsStore::list_folder(std::string_view prefix) {
  ATHANOR_TRY(check_object_prefix(prefix));
  FolderEntries entries(prefix);
  std::string token;
  do {
    ATHANOR_ASSIGN(const Page page, list_page(prefix, "/", token, {}));
    for (const ObjectInfo& info : page.objects) {
      entries.add_object(info.key);
    }
    for (const std::string& folder : page.folders) {
      entries.add_folder(folder);
    }
    token = page.next;
  } while (!token.empty());
  return std::move(entries).sorted();
}

Result<std::optional<GcsStore::Found>> GcsStore::stat(std::string_view key, std::stop_token stop) {
  std::string text;
  const GcsCall call{
      .url = client_.object_url(full(key), {{"fields", "name,size,generation,metadata"}}),
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

Result<std::optional<ObjectInfo>> GcsStore::find(std::string_view key) {
  ATHANOR_TRY(check_object_key(key));
  ATHANOR_ASSIGN(auto found, stat(key, {}));
  return found ? std::optional(std::move(found->info)) : std::nullopt;
}

Result<bool> GcsStore::get(std::string_view key, ByteRange range, const ObjectSink& sink,
                           std::stop_token stop) {
  ATHANOR_TRY(check_object_key(key));
  if (range.length == 0) {
    ATHANOR_ASSIGN(const auto found, stat(key, std::move(stop)));
    return found.has_value();
  }
  std::uint64_t done = 0;
  const GcsCall call{.url = client_.object_url(full(key), {{"alt", "media"}}),
                     .max_body_bytes = UINT64_MAX,
                     // A try after the first goes on where the bytes broke off.
                     .change_each_try = [&](HttpRequest& request, unsigned) -> Result<void> {
                       if (auto header = range_header(range, done)) {
                         request.headers.emplace_back("Range", *header);
                       }
                       return {};
                     },
                     .what = "reading " + quoted_key(key)};
  std::optional<Error> refused;
  auto answer = client_.perform(
      call,
      [&](std::span<const std::uint8_t> bytes) -> Result<void> {
        done += bytes.size();
        auto taken = sink(bytes);
        if (!taken) {
          refused = taken.error();
        }
        return taken;
      },
      std::move(stop));
  if (refused) {  // the caller's own words come back as they are
    return std::move(*refused);
  }
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  const int status = answer->response.status;
  if (status == 404 || status == 416 || is_success(status)) {
    return status != 404;  // 416: nothing is there from that byte on
  }
  return in_store(client_.explain(answer->response, call.what));
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
  // After an answer was lost, an object with our bytes is ours.
  ATHANOR_ASSIGN(const auto found, stat(key, {}));
  if (!found) {
    return in_store(make_error(ErrorKind::retry, "writing " + quoted_key(key) +
                                                     ": the store took the bytes and lost them"));
  }
  const bool ours =
      found->info.size == source.size() && found->sha256 == source.digest().sha256.hex();
  return ours ? PutOutcome::created : PutOutcome::exists;
}

Result<PutOutcome> GcsStore::put_if_absent(std::string_view key, const ObjectSource& source,
                                           std::stop_token stop) {
  ATHANOR_TRY(check_object_key(key));
  if (source.size() >= k_look_first_from) {
    ATHANOR_ASSIGN(const auto found, stat(key, stop));
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

Result<void> GcsStore::remove(std::string_view key) {
  ATHANOR_TRY(check_object_key(key));
  const GcsCall call{.method = "DELETE",
                     .url = client_.object_url(full(key), {}),
                     .what = "removing " + quoted_key(key)};
  auto answer = client_.perform(call, {}, {});
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  const int status = answer->response.status;
  if (!is_success(status) && status != 404) {
    return in_store(client_.explain(answer->response, call.what));
  }
  return {};
}

}  // namespace athanor
