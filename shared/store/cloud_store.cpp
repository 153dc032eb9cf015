#include "shared/store/cloud_store.hpp"

#include "shared/base/strings.hpp"
#include "shared/net/http_date.hpp"
#include "shared/store/folder_entries.hpp"
#include "shared/store/object_key.hpp"
#include "shared/store/source_body.hpp"

#include <charconv>
#include <utility>

namespace athanor {

bool is_success(int status) {
  return status >= 200 && status < 300;
}

std::string quoted_key(std::string_view key) {
  return "'" + printable(key, 1100) + "'";
}

std::uint64_t number_or_zero(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Error CloudStore::in_store(Error error) const {
  return std::move(error).with_context("the store " + url_);
}

Result<void> CloudStore::list(std::string_view prefix, const ObjectVisitor& visit,
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

Result<std::vector<Store::FolderEntry>> CloudStore::list_folder(std::string_view prefix) {
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

Result<std::optional<ObjectInfo>> CloudStore::find(std::string_view key) {
  ATHANOR_TRY(check_object_key(key));
  ATHANOR_ASSIGN(auto found, look_up(key, {}));
  return found ? std::optional(std::move(found->info)) : std::nullopt;
}

Result<bool> CloudStore::get(std::string_view key, ByteRange range, const ObjectSink& sink,
                             std::stop_token stop) {
  ATHANOR_TRY(check_object_key(key));
  if (range.length == 0) {
    ATHANOR_ASSIGN(const auto found, look_up(key, std::move(stop)));
    return found.has_value();
  }
  std::uint64_t done = 0;
  std::optional<Error> refused;
  auto answer = fetch(
      key, [&] { return range_header(range, done); },
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
  return in_store(explain(answer->response, "reading " + quoted_key(key)));
}

Result<void> CloudStore::remove(std::string_view key) {
  ATHANOR_TRY(check_object_key(key));
  auto answer = erase(key);
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  const int status = answer->response.status;
  if (!is_success(status) && status != 404) {
    return in_store(explain(answer->response, "removing " + quoted_key(key)));
  }
  return {};
}

Result<std::optional<CloudStore::Found>> CloudStore::found_by_head(
    std::string_view key, Result<CloudAnswer> answer, std::string_view sha256_header) const {
  if (!answer) {
    return in_store(std::move(answer).error());
  }
  const HttpResponse& response = answer->response;
  if (response.status == 404) {
    return std::optional<Found>();
  }
  if (!is_success(response.status)) {
    return in_store(explain(response, "looking for " + quoted_key(key)));
  }
  return std::optional(
      Found{.info = {.key = std::string(key),
                     .size = number_or_zero(response.header("content-length").value_or("")),
                     .version_tag = response.header("etag").value_or(""),
                     .modified = parse_http_date(response.header("last-modified").value_or(""))},
            .sha256 = response.header(sha256_header).value_or("")});
}

std::function<void(HttpHeaders&)> CloudStore::ask_for(const RangeOfTry& range) {
  return [&range](HttpHeaders& headers) {
    if (auto header = range()) {
      headers.emplace_back("Range", *std::move(header));
    }
  };
}

Result<PutOutcome> CloudStore::whose_is_it(std::string_view key, const ObjectSource& source) {
  ATHANOR_ASSIGN(const auto found, look_up(key, {}));
  if (!found) {
    return in_store(make_error(ErrorKind::retry, "writing " + quoted_key(key) +
                                                     ": the store took the bytes and lost them"));
  }
  const bool ours =
      found->info.size == source.size() && found->sha256 == source.digest().sha256.hex();
  return ours ? PutOutcome::created : PutOutcome::exists;
}

}  // namespace athanor
