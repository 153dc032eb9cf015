#include "shared/repodata/repodata_cache.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/json/json.hpp"
#include "shared/net/url.hpp"
#include "shared/os/atomic_file.hpp"
#include "shared/os/file_lock.hpp"
#include "shared/os/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace athanor {
namespace {

constexpr std::size_t k_kept_states = 3;
constexpr std::uint64_t k_state_bytes = 64 * 1024;
// After so long a better form is looked for again, which a channel may have begun to serve.
constexpr std::int64_t k_look_again_seconds = 7 * 24 * 3600;

std::int64_t seconds_of(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.wall_now().time_since_epoch())
      .count();
}

// Seconds; absent if it says nothing of an age.
std::optional<std::int64_t> max_age(const HttpResponse& response) {
  const std::string text = to_lower(response.header("cache-control").value_or(""));
  if (text.find("no-cache") != std::string::npos || text.find("no-store") != std::string::npos) {
    return 0;
  }
  const std::size_t at = text.find("max-age=");
  std::int64_t age = 0;
  if (at == std::string::npos) {
    return std::nullopt;
  }
  const char* const begin = text.data() + at + 8;
  const auto parsed = std::from_chars(begin, text.data() + text.size(), age);
  return parsed.ec == std::errc() ? std::optional(age) : std::nullopt;
}

std::string text_of(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  const std::string* text = found == nullptr ? nullptr : found->as_string();
  return text == nullptr ? std::string() : *text;
}

std::int64_t number_of(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  return found == nullptr ? 0 : found->as_int().value_or(0);
}

// What tells two states of a local file apart.
std::string local_signature(const std::string& url) {
  const Result<Url> parsed = Url::parse(url);
  struct stat status {};
  if (!parsed || parsed->scheme != "file" ||
      ::stat(percent_decode(parsed->path).c_str(), &status) != 0) {
    return {};
  }
  return std::to_string(status.st_size) + "-" + std::to_string(status.st_mtim.tv_sec) + "." +
         std::to_string(status.st_mtim.tv_nsec);
}

bool is_local(const std::string& url) {
  return url.starts_with("file:");
}

}  // namespace

struct RepodataCache::Variant {
  const char* name;
  const char* suffix;  // of the file in the cache: says how it is compressed
  RepodataForm form;
};

// What is known of one subdir; beside its files, as JSON.
struct RepodataCache::State {
  std::string variant;  // the name of what was served last; empty: the subdir isn't there
  std::string etag;
  std::string modified;
  std::int64_t checked = 0;      // Unix time of the last answer
  std::int64_t fresh_until = 0;  // Unix time
  std::int64_t looked = 0;       // Unix time when all forms were looked for
  struct Kept {
    std::string digest;  // hex
    std::string file;    // its name
  };
  std::vector<Kept> kept;           // newest first
  std::uint64_t fetched_bytes = 0;  // not stored

  bool known() const { return checked != 0; }
};

namespace {

constexpr const char* k_shards_name = "repodata_shards.msgpack.zst";

}  // namespace

RepodataCache::RepodataCache(RepodataCacheOptions options, HttpClient& http, const Clock& clock,
                             Random random, Sleeper sleeper)
    : options_(std::move(options)),
      http_(http),
      clock_(clock),
      random_(random),
      sleeper_(std::move(sleeper)) {}

std::filesystem::path RepodataCache::file(const std::string& url, const std::string& rest) const {
  return options_.directory / (sha256_of(url).hex().substr(0, 16) + rest);
}

// Caches that take shards and caches that don't see different states of one subdir.
std::filesystem::path RepodataCache::state_file(const SubdirSource& subdir) const {
  return file(subdir.url, options_.shards ? ".json" : ".whole.json");
}

RepodataCache::State RepodataCache::read_state(const SubdirSource& subdir) const {
  State state;
  const auto text = read_file_if_exists(state_file(subdir), k_state_bytes);
  if (!text || !*text) {
    return state;
  }
  const Result<Json> document = parse_json(**text);
  // A state that can't be read, or is another URL's, costs a download, nothing else.
  if (!document || text_of(*document, "url") != subdir.url) {
    return state;
  }
  state.variant = text_of(*document, "variant");
  state.etag = text_of(*document, "etag");
  state.modified = text_of(*document, "last_modified");
  state.checked = number_of(*document, "checked");
  state.fresh_until = number_of(*document, "fresh_until");
  state.looked = number_of(*document, "looked");
  if (const Json* kept = document->find("kept"); kept != nullptr && kept->as_array() != nullptr) {
    for (const Json& one : *kept->as_array()) {
      State::Kept entry{.digest = text_of(one, "digest"), .file = text_of(one, "file")};
      const bool plain = entry.file.find('/') == std::string::npos && !entry.file.empty();
      const auto size = size_of_file(options_.directory / entry.file);
      if (plain && Sha256::from_hex(entry.digest) && size && *size) {
        state.kept.push_back(std::move(entry));
      }
    }
  }
  if (!state.variant.empty() && state.kept.empty()) {
    return State{};
  }
  return state;
}

Result<void> RepodataCache::write_state(const SubdirSource& subdir, const State& state) const {
  Json kept = Json::array();
  for (const State::Kept& one : state.kept) {
    kept.push_back(Json::object({{"digest", one.digest}, {"file", one.file}}));
  }
  Json document = Json::object({{"url", subdir.url},
                                {"variant", state.variant},
                                {"etag", state.etag},
                                {"last_modified", state.modified},
                                {"checked", state.checked},
                                {"fresh_until", state.fresh_until},
                                {"looked", state.looked}});
  document.set("kept", std::move(kept));
  return write_file_atomically(state_file(subdir), dump_json_pretty(document), 0600);
}

std::string RepodataCache::mapped(const SubdirSource& subdir, const std::string& name) const {
  const std::string& fetch = subdir.fetch_url.empty() ? subdir.url : subdir.fetch_url;
  return map_origin(options_.origin_map, subdir.url + "/" + name).value_or(fetch + "/" + name);
}

bool RepodataCache::is_fresh(const SubdirSource& subdir, const State& state) const {
  if (!state.known()) {
    return false;
  }
  if (!state.variant.empty() && is_local(mapped(subdir, state.variant))) {
    return state.etag == local_signature(mapped(subdir, state.variant));
  }
  return seconds_of(clock_) < state.fresh_until && !is_local(mapped(subdir, "repodata.json"));
}

Repodata RepodataCache::snapshot(const SubdirSource& subdir, const State& state,
                                 std::size_t place) const {
  const State::Kept& kept = state.kept.at(place);
  return {.url = subdir.url,
          .digest = *Sha256::from_hex(kept.digest),
          .form = kept.file.ends_with(".msgpack.zst") ? RepodataForm::shards : RepodataForm::json,
          .path = options_.directory / kept.file,
          .fetched_bytes = state.fetched_bytes};
}

Result<std::optional<Repodata>> RepodataCache::current(const SubdirSource& subdir,
                                                       std::stop_token stop) {
  ATHANOR_TRY(make_directories(options_.directory, Durability::none, 0700));
  State state = read_state(subdir);
  if (!is_fresh(subdir, state)) {
    ATHANOR_ASSIGN(const FileLock lock,
                   FileLock::acquire(file(subdir.url, ".lock"), FileLock::Mode::exclusive));
    state = read_state(subdir);  // somebody else may have fetched it meanwhile
    if (!is_fresh(subdir, state)) {
      ATHANOR_TRY(refresh(subdir, state, std::move(stop)));
    }
  }
  return state.variant.empty() ? std::nullopt : std::optional(snapshot(subdir, state, 0));
}

Result<Repodata> RepodataCache::pinned(const SubdirSource& subdir, const Sha256& digest,
                                       std::stop_token stop) {
  const std::string hex = digest.hex();
  const auto find = [&](const State& state) -> std::optional<Repodata> {
    for (std::size_t place = 0; place < state.kept.size(); ++place) {
      if (state.kept[place].digest == hex) {
        return snapshot(subdir, state, place);
      }
    }
    return std::nullopt;
  };
  if (std::optional<Repodata> known = find(read_state(subdir))) {
    return *std::move(known);
  }
  ATHANOR_TRY(make_directories(options_.directory, Durability::none, 0700));
  ATHANOR_ASSIGN(const FileLock lock,
                 FileLock::acquire(file(subdir.url, ".lock"), FileLock::Mode::exclusive));
  State state = read_state(subdir);
  if (!find(state)) {
    ATHANOR_TRY(refresh(subdir, state, std::move(stop)));
  }
  if (std::optional<Repodata> now = find(state)) {
    return *std::move(now);
  }
  return make_error(ErrorKind::retry,
                    "the index of " + subdir.url +
                        " has changed since this batch began: its state " + hex.substr(0, 16) +
                        " is neither served nor kept here any more",
                    "submit the batch again");
}

Result<void> RepodataCache::refresh(const SubdirSource& subdir, State& state,
                                    std::stop_token stop) {
  constexpr std::array<Variant, 4> k_variants = {{
      {k_shards_name, ".msgpack.zst", RepodataForm::shards},
      {"repodata.json.zst", ".json.zst", RepodataForm::json},
      {"repodata.json.bz2", ".json.bz2", RepodataForm::json},
      {"repodata.json", ".plain", RepodataForm::json},
  }};
  const std::int64_t now = seconds_of(clock_);
  const bool look_for_all =
      !state.known() || now - state.looked >= k_look_again_seconds || state.variant.empty();
  for (const Variant& variant : k_variants) {
    const bool skipped = variant.form == RepodataForm::shards && !options_.shards;
    if (skipped || (!look_for_all && variant.name != state.variant)) {
      continue;
    }
    ATHANOR_ASSIGN(const bool served, fetch(subdir, variant, state, stop));
    if (served) {
      state.looked = look_for_all ? now : state.looked;
      return write_state(subdir, state);
    }
  }
  if (!look_for_all) {  // it isn't served in its last form any more
    const std::vector<State::Kept> kept = std::move(state.kept);
    state = State{};
    state.kept = kept;
    return refresh(subdir, state, std::move(stop));
  }
  state.variant.clear();
  state.checked = now;
  state.looked = now;
  state.fresh_until = now + options_.fresh_least.count();
  return write_state(subdir, state);
}

// False if the channel doesn't serve this form.
Result<bool> RepodataCache::fetch(const SubdirSource& subdir, const Variant& variant, State& state,
                                  std::stop_token stop) {
  const std::string url = mapped(subdir, variant.name);
  HttpHeaders headers;
  const bool again = state.variant == variant.name && !state.kept.empty();
  if (again && !state.etag.empty() && !is_local(url)) {
    headers.emplace_back("If-None-Match", state.etag);
  } else if (again && !state.modified.empty()) {
    headers.emplace_back("If-Modified-Since", state.modified);
  }
  const std::string signature = local_signature(url);  // before it is read, so that it can't be new
  ATHANOR_ASSIGN(const UniqueFile arriving,
                 create_unique_file(options_.directory, ".arriving-", ".tmp", 0600));
  Result<HttpResponse> answer =
      get(url, subdir.url + "/" + variant.name, headers, arriving.path, std::move(stop));
  Result<bool> served = true;
  if (!answer) {
    served = std::move(answer).error();
  } else if (answer->status == 404 || answer->status == 410) {
    served = false;
  } else if (answer->status != 304) {
    if (Result<void> kept = keep(subdir, variant, *answer, arriving.path, state); !kept) {
      served = Error(kept.error()).with_context("reading " + subdir.url + "/" + variant.name);
    }
  }
  ATHANOR_TRY(remove_file(arriving.path));
  if (served && *served) {
    state.variant = variant.name;
    state.checked = seconds_of(clock_);
    const std::int64_t age = std::clamp<std::int64_t>(
        max_age(*answer).value_or(0), options_.fresh_least.count(), options_.fresh_most.count());
    state.fresh_until = state.checked + age;
    if (answer->status != 304) {
      state.etag = is_local(url) ? signature : answer->header("etag").value_or("");
      state.modified = answer->header("last-modified").value_or("");
    }
  }
  return served;
}

Result<void> RepodataCache::keep(const SubdirSource& subdir, const Variant& variant,
                                 const HttpResponse& response, const std::filesystem::path& arrived,
                                 State& state) const {
  state.fetched_bytes += is_local(response.effective_url) ? 0 : response.body_bytes;
  // Under a name that says how it is compressed, so that it can be read.
  const std::filesystem::path readable = arrived.string() + variant.suffix;
  std::error_code failed;
  std::filesystem::rename(arrived, readable, failed);
  if (failed) {
    return system_error(failed.value(), "cannot rename '" + arrived.string() + "'");
  }
  Sha256Hasher hasher;
  Result<void> read = read_document(readable, [&](std::span<const std::uint8_t> bytes) {
    hasher.update(bytes);
    return Result<void>();
  });
  if (!read) {
    ATHANOR_TRY(remove_file(readable));
    return read;
  }
  const std::string digest = hasher.finish().hex();
  const std::string name =
      file(subdir.url, "-" + digest.substr(0, 32) + variant.suffix).filename().string();
  std::filesystem::rename(readable, options_.directory / name, failed);
  if (failed) {
    return system_error(failed.value(), "cannot rename '" + readable.string() + "'");
  }
  std::erase_if(state.kept, [&](const State::Kept& one) { return one.digest == digest; });
  state.kept.insert(state.kept.begin(), {.digest = digest, .file = name});
  while (state.kept.size() > k_kept_states) {
    ATHANOR_TRY(remove_file(options_.directory / state.kept.back().file));
    state.kept.pop_back();
  }
  return {};
}

// 2xx, 304, 404 and 410 are answers; everything else is an error, after some tries.
Result<HttpResponse> RepodataCache::get(const std::string& fetch_url, const std::string& shown,
                                        const HttpHeaders& headers,
                                        const std::filesystem::path& target, std::stop_token stop) {
  Random random = random_;
  HttpRequest request;
  request.url = fetch_url;
  request.headers = headers;
  request.max_body_bytes = limits::k_repodata_bytes;
  for (unsigned attempt = 1;; ++attempt) {
    std::string held;
    ATHANOR_TRY(write_file(target, "", 0600));
    Fd out(::open(target.c_str(), O_WRONLY | O_CLOEXEC));
    Result<HttpResponse> answer = http_.perform(
        request, [&](std::span<const std::uint8_t> bytes) { return write_all(out, bytes, target); },
        stop);
    if (answer && (answer->status / 100 == 2 || answer->status == 304 || answer->status == 404 ||
                   answer->status == 410)) {
      return answer;
    }
    const std::string what = "fetching " + redact_url(shown);
    Error error =
        answer ? status_error(*answer, what) : std::move(answer).error().with_context(what);
    if (error.kind != ErrorKind::retry || attempt >= options_.retry.attempts) {
      return error;
    }
    std::optional<std::chrono::milliseconds> wait;
    if (answer) {
      wait = parse_retry_after(answer->header("retry-after").value_or(""), clock_.wall_now());
    }
    ATHANOR_TRY(sleeper_(retry_delay(options_.retry, attempt, random, wait), stop));
  }
}

Result<std::string> RepodataCache::shard(const SubdirSource& subdir, const std::string& base_url,
                                         const Sha256& hash, std::stop_token stop) {
  const std::filesystem::path folder = options_.directory / "shards" / hash.hex().substr(0, 2);
  const std::filesystem::path path = folder / (hash.hex() + ".msgpack.zst");
  std::string document;
  const auto read = [&](const std::filesystem::path& from) -> Result<void> {
    document.clear();
    return read_document(from, [&](std::span<const std::uint8_t> bytes) -> Result<void> {
      document.append(bytes.begin(), bytes.end());
      return document.size() <= limits::k_shard_bytes
                 ? Result<void>()
                 : make_error(ErrorKind::rejected,
                              "a shard is larger than " + std::to_string(limits::k_shard_bytes));
    });
  };
  ATHANOR_ASSIGN(const auto known, size_of_file(path));
  if (known && read(path)) {
    return document;
  }
  ATHANOR_TRY(make_directories(folder, Durability::none, 0700));
  ATHANOR_ASSIGN(const UniqueFile arriving, create_unique_file(folder, ".", ".msgpack.zst", 0600));
  const std::string name = base_url + "/" + hash.hex() + ".msgpack.zst";
  const std::string below =
      name.starts_with(subdir.url + "/") ? name.substr(subdir.url.size() + 1) : std::string();
  const std::string url =
      below.empty() ? map_origin(options_.origin_map, name).value_or(name) : mapped(subdir, below);
  Result<HttpResponse> answer = get(url, name, {}, arriving.path, std::move(stop));
  Result<void> done;
  if (!answer) {
    done = std::move(answer).error();
  } else if (answer->status / 100 != 2) {
    done = make_error(ErrorKind::retry, "the shard " + redact_url(name) + " isn't there",
                      "the channel may be changing: try again");
  } else if (const auto bytes = read_file(arriving.path, limits::k_shard_bytes); !bytes) {
    done = bytes.error();
  } else if (sha256_of(*bytes) != hash) {
    done = make_error(ErrorKind::corrupt, "the shard " + redact_url(name) + " has another content");
  } else {
    done = read(arriving.path);
  }
  if (!done) {
    ATHANOR_TRY(remove_file(arriving.path));
    return done.error();
  }
  std::error_code failed;
  std::filesystem::rename(arriving.path, path, failed);
  if (failed) {
    return system_error(failed.value(), "cannot rename '" + arriving.path.string() + "'");
  }
  return document;
}

}  // namespace athanor
