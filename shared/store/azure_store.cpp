#include "shared/store/azure_store.hpp"

#include "shared/base/random.hpp"
#include "shared/base/strings.hpp"
#include "shared/base/units.hpp"
#include "shared/net/http_date.hpp"
#include "shared/store/encoding.hpp"
#include "shared/store/object_key.hpp"
#include "shared/store/parallel_parts.hpp"
#include "shared/store/source_body.hpp"
#include "shared/store/xml.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace athanor {
namespace {

constexpr std::uint64_t k_listing_bytes = 64_MiB;   // of one page
constexpr std::uint64_t k_look_first_from = 1_MiB;  // spares sending what is there already
constexpr std::uint64_t k_most_blocks = 50'000;

Result<Md5> md5_of_range(const ObjectSource& source, ByteRange range) {
  ATHANOR_ASSIGN(HttpBody body, body_of(source, range));
  DigestHasher hasher;
  std::vector<std::uint8_t> buffer(256_KiB);
  while (true) {
    ATHANOR_ASSIGN(const std::size_t got, body.read(buffer));
    if (got == 0) {
      return hasher.finish().md5;
    }
    hasher.update(std::span(buffer.data(), got));
  }
}

// All ids of a blob have one length, and those of two writers differ.
std::string block_id(const std::string& writer, std::size_t index) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "-%08zu", index);
  return base64_encode(as_bytes(writer + text.data()));
}

}  // namespace

Result<std::unique_ptr<Store>> AzureStore::open(std::string_view url, CloudServices services) {
  ATHANOR_ASSIGN(const StoreUrl parsed, StoreUrl::parse(url, AzureSettings::names()));
  ATHANOR_ASSIGN(AzureSettings settings, AzureSettings::make(parsed, services.environment));
  std::unique_ptr<AzureStore> store(
      new AzureStore(parsed.text(), std::move(services), std::move(settings)));
  // Everybody who uses a store lists it.
  ATHANOR_TRY(store->list_page("", "/", "", {}));
  return std::unique_ptr<Store>(std::move(store));
}

AzureStore::AzureStore(std::string url, CloudServices services, AzureSettings settings)
    : CloudStore(std::move(url)),
      client_(std::move(services), std::move(settings)) {}

Result<CloudStore::Page> AzureStore::list_page(std::string_view prefix,
                                               const std::string& delimiter,
                                               const std::string& marker, std::stop_token stop) {
  AzureCall call{.query = {{"restype", "container"}, {"comp", "list"}},
                 .max_body_bytes = k_listing_bytes,
                 .what = "listing " + quoted_key(prefix)};
  const std::string whole_prefix = full(prefix);
  for (const auto& [name, value] :
       QueryPairs{{"prefix", whole_prefix}, {"delimiter", delimiter}, {"marker", marker}}) {
    if (!value.empty()) {
      call.query.emplace_back(name, value);
    }
  }
  std::string text;
  call.change_each_try = [&](HttpHeaders&) { text.clear(); };
  auto answer = client_.perform(call, collect_into(text), std::move(stop));
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  if (!is_success(answer->response.status)) {
    return in_store(client_.explain(answer->response, call.what));
  }
  ATHANOR_ASSIGN(const XmlElement xml, parse_xml(text));
  const XmlElement* blobs = xml.child("Blobs");
  if (blobs == nullptr) {
    return in_store(make_error(ErrorKind::corrupt, call.what + ": the answer is no listing"));
  }
  Page page;
  for (const XmlElement& element : blobs->children) {
    std::string key = element.text_of("Name");
    if (!key.starts_with(whole_prefix)) {
      return in_store(
          make_error(ErrorKind::corrupt, call.what + ": the store lists what wasn't asked for"));
    }
    key.erase(0, client_.settings().prefix.size());
    const XmlElement* properties = element.child("Properties");
    if (element.name == "BlobPrefix") {
      page.folders.push_back(std::move(key));
    } else if (properties != nullptr && !key.starts_with(".athanor/tmp/")) {
      page.objects.push_back({.key = std::move(key),
                              .size = number_or_zero(properties->text_of("Content-Length")),
                              .version_tag = properties->text_of("Etag"),
                              .modified = parse_http_date(properties->text_of("Last-Modified"))});
    }
  }
  // Azure compares UTF-16 units where we compare bytes; they differ only beyond U+FFFF.
  std::sort(page.objects.begin(), page.objects.end(),
            [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
  page.next = xml.text_of("NextMarker");
  return page;
}

Result<std::optional<CloudStore::Found>> AzureStore::look_up(std::string_view key,
                                                             std::stop_token stop) {
  return found_by_head(
      key,
      client_.perform(
          {.method = "HEAD", .key = full(key), .what = "looking for " + quoted_key(key)}, {},
          std::move(stop)),
      "x-ms-meta-sha256");
}

Result<CloudAnswer> AzureStore::fetch(std::string_view key, const RangeOfTry& range,
                                      const HttpSink& sink, std::stop_token stop) {
  return client_.perform({.key = full(key),
                          .max_body_bytes = UINT64_MAX,
                          .change_each_try = ask_for(range),
                          .what = "reading " + quoted_key(key)},
                         sink, std::move(stop));
}

Result<CloudAnswer> AzureStore::send(std::string_view key, const ObjectSource& source,
                                     HttpHeaders condition, std::stop_token stop) {
  HttpHeaders headers = std::move(condition);
  headers.emplace_back("x-ms-meta-sha256", source.digest().sha256.hex());
  headers.emplace_back("x-ms-blob-content-md5", base64_encode(source.digest().md5.bytes));
  if (source.size() > client_.settings().blocks_from) {
    return send_in_blocks(key, source, std::move(headers), std::move(stop));
  }
  headers.emplace_back("x-ms-blob-type", "BlockBlob");
  headers.emplace_back("Content-MD5", base64_encode(source.digest().md5.bytes));
  headers.emplace_back("Content-Type", "application/octet-stream");
  return client_.perform({.method = "PUT",
                          .key = full(key),
                          .headers = std::move(headers),
                          .content_length = source.size(),
                          .body = [&] { return body_of(source); },
                          .what = "writing " + quoted_key(key)},
                         {}, std::move(stop));
}

Result<CloudAnswer> AzureStore::send_in_blocks(std::string_view key, const ObjectSource& source,
                                               HttpHeaders headers, std::stop_token stop) {
  const std::uint64_t least = (source.size() + k_most_blocks - 1) / k_most_blocks;
  const std::uint64_t block_bytes = std::max(client_.settings().block_bytes, least);
  const std::size_t count = (source.size() + block_bytes - 1) / block_bytes;
  const std::uint64_t chance = Random::from_entropy().next();
  const std::string writer =
      to_hex(std::span(reinterpret_cast<const std::uint8_t*>(&chance), sizeof chance));
  ATHANOR_TRY(send_parts_in_parallel(
      count, stop, [&](std::size_t index, std::stop_token enough) -> Result<void> {
        const ByteRange range{.offset = index * block_bytes,
                              .length = std::min(block_bytes, source.size() - index * block_bytes)};
        ATHANOR_ASSIGN(const Md5 md5, md5_of_range(source, range));
        const AzureCall call{
            .method = "PUT",
            .key = full(key),
            .query = {{"comp", "block"}, {"blockid", block_id(writer, index)}},
            .headers = {{"Content-MD5", base64_encode(md5.bytes)}},
            .content_length = range.length,
            .body = [&] { return body_of(source, range); },
            .what = "writing block " + std::to_string(index + 1) + " of " + quoted_key(key)};
        ATHANOR_ASSIGN(const CloudAnswer answer, client_.perform(call, {}, std::move(enough)));
        return is_success(answer.response.status)
                   ? Result<void>()
                   : Result<void>(client_.explain(answer.response, call.what));
      }));
  std::string list = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>";
  for (std::size_t i = 0; i < count; ++i) {
    list += "<Latest>" + block_id(writer, i) + "</Latest>";
  }
  list += "</BlockList>";
  headers.emplace_back("Content-Type", "application/xml");
  return client_.perform({.method = "PUT",
                          .key = full(key),
                          .query = {{"comp", "blocklist"}},
                          .headers = std::move(headers),
                          .content_length = list.size(),
                          .body = [&]() -> Result<HttpBody> { return body_of_text(list); },
                          .what = "finishing " + quoted_key(key)},
                         {}, std::move(stop));
}

Result<PutOutcome> AzureStore::outcome_of(std::string_view key, const ObjectSource& source,
                                          Result<CloudAnswer> answer) {
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  const int status = answer->response.status;
  if (is_success(status)) {
    return PutOutcome::created;
  }
  // Another writer's list of blocks takes ours away: then its blob is there.
  const std::string code = AzureClient::error_code(answer->response);
  const bool refused = status == 412 || code == "BlobAlreadyExists" || code == "InvalidBlockList";
  if (!refused) {
    return in_store(client_.explain(answer->response, "writing " + quoted_key(key)));
  }
  if (status != 400 && !answer->after_doubt) {
    return PutOutcome::exists;
  }
  ATHANOR_ASSIGN(const PutOutcome outcome, whose_is_it(key, source));
  return answer->after_doubt ? outcome : PutOutcome::exists;
}

Result<PutOutcome> AzureStore::put_if_absent(std::string_view key, const ObjectSource& source,
                                             std::stop_token stop) {
  ATHANOR_TRY(check_object_key(key));
  if (source.size() >= k_look_first_from) {
    ATHANOR_ASSIGN(const auto found, look_up(key, stop));
    if (found) {
      return PutOutcome::exists;
    }
  }
  return outcome_of(key, source, send(key, source, {{"If-None-Match", "*"}}, std::move(stop)));
}

Result<PutOutcome> AzureStore::put(std::string_view key, const ObjectSource& source,
                                   const std::optional<std::string>& expected_version) {
  ATHANOR_TRY(check_object_key(key));
  HttpHeaders condition;
  if (expected_version) {
    condition.emplace_back(expected_version->empty() ? "If-None-Match" : "If-Match",
                           expected_version->empty() ? "*" : *expected_version);
  }
  return outcome_of(key, source, send(key, source, std::move(condition), {}));
}

Result<CloudAnswer> AzureStore::erase(std::string_view key) {
  return client_.perform(
      {.method = "DELETE", .key = full(key), .what = "removing " + quoted_key(key)}, {}, {});
}

Error AzureStore::explain(const HttpResponse& response, const std::string& what) const {
  return client_.explain(response, what);
}

}  // namespace athanor
