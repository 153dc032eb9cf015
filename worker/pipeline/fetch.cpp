#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/net/origin_map.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"
#include "worker/pipeline/scratch_file.hpp"
#include "worker/pipeline/stages.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace athanor::worker {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t k_copy_bytes = 256 * 1024;
// An origin that wants to be left alone for longer gets its slot back: the coordinator waits.
constexpr milliseconds k_wait_in_place{10'000};
// A source built on somebody's machine, which no origin ever had.
constexpr std::string_view k_no_origin = "_fake";

std::filesystem::path original_path(const JobContext& context) {
  return context.scratch.path() / context.filename(context.source.format());
}

// --- A local package directory -------------------------------------------------------------------

// Only bytes whose hash an input names may come from a directory that anybody may have filled.
bool is_named(const JobContext& context, const Digest& digest) {
  return std::ranges::any_of(context.spec.expected, [&](const ExpectedDigest& expected) {
    return (expected.md5 || expected.sha256) && expected.matches(digest);
  });
}

bool names_a_hash(const JobSpec& spec) {
  return std::ranges::any_of(spec.expected, [](const ExpectedDigest& expected) {
    return expected.md5 || expected.sha256;
  });
}

std::string key_hash(const JobContext& context, const Digest& digest) {
  return context.source.type() == PackageType::conda ? digest.md5.hex() : digest.sha256.hex();
}

Result<Artifact> copy_file(JobContext& context, const Fd& from, const std::filesystem::path& path) {
  ATHANOR_ASSIGN(ScratchFile to, ScratchFile::create(context, original_path(context)));
  std::vector<std::uint8_t> buffer(k_copy_bytes);
  while (true) {
    if (context.stop.stop_requested()) {
      return make_error(ErrorKind::canceled, "asked to stop");
    }
    ATHANOR_ASSIGN(const std::size_t count, read_at(from, to.size(), buffer, path));
    if (count == 0) {
      return to.finish(context.source.format());
    }
    ATHANOR_TRY(to.write({buffer.data(), count}));
  }
}

// A file that isn't there, can't be read or has the wrong size is no candidate, and no failure.
std::optional<Fd> open_candidate(const JobContext& context, const std::filesystem::path& path) {
  Result<Fd> fd = open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (!fd || ::fstat(fd->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const bool fits = std::ranges::any_of(context.spec.expected, [&](const ExpectedDigest& expected) {
    return expected.size.value_or(size) == size;
  });
  return fits ? std::optional(std::move(fd).value()) : std::nullopt;
}

// Absent if no local package directory has the file. A look-up is one open() per directory, never a
// listing.
Result<std::optional<Artifact>> fetch_local(JobContext& context) {
  if (!names_a_hash(context.spec)) {
    return std::optional<Artifact>();
  }
  const std::string filename = context.filename(context.source.format());
  const std::string subdir = percent_decode(context.source.subdir());
  for (const std::string& directory : context.settings().package_dirs) {
    for (const std::filesystem::path& folder :
         {std::filesystem::path(directory), std::filesystem::path(directory) / subdir}) {
      const std::optional<Fd> fd = open_candidate(context, folder / filename);
      if (!fd) {
        continue;
      }
      ATHANOR_ASSIGN(Artifact artifact, copy_file(context, *fd, folder / filename));
      const bool same_as_stored =
          !context.from_store || context.from_store->hash == key_hash(context, artifact.digest);
      if (is_named(context, artifact.digest) && same_as_stored) {
        return std::optional(std::move(artifact));
      }
    }
  }
  return std::optional<Artifact>();
}

// --- The store -----------------------------------------------------------------------------------

Result<Artifact> fetch_stored(JobContext& context) {
  const StoredFormat& stored = *context.from_store;
  ATHANOR_ASSIGN(ScratchFile file, ScratchFile::create(context, original_path(context)));
  const ObjectSink sink = [&](std::span<const std::uint8_t> bytes) { return file.write(bytes); };
  ATHANOR_ASSIGN(const bool found,
                 context.store().get(stored.key, ByteRange{}, sink, context.stop));
  if (!found) {
    return make_error(ErrorKind::retry,
                      "'" + printable(stored.key) + "' has just disappeared from the store");
  }
  if (!context.store().cheap_lookups()) {  // a directory isn't reached over the network
    context.fetched_bytes += file.size();
  }
  ATHANOR_ASSIGN(Artifact artifact, file.finish(context.source.format()));
  if (key_hash(context, artifact.digest) != stored.hash) {
    return make_error(ErrorKind::corrupt,
                      "the store's object '" + printable(stored.key) +
                          "' holds other bytes than "
                          "its key says: " +
                          key_hash(context, artifact.digest),
                      "remove the object; it is fetched again then");
  }
  return artifact;
}

// --- The origin ----------------------------------------------------------------------------------

Result<std::string> origin_url(const JobContext& context) {
  if (context.source.netloc() == k_no_origin) {
    return make_error(ErrorKind::not_found,
                      context.source.text() + " was built locally and has no origin",
                      "name the directory that holds it with --pkgs-dir");
  }
  const std::optional<std::string> mapped =
      map_origin(context.settings().origin_map, context.source.text());
  const std::string url = mapped.value_or(context.spec.fetch_url);
  // Where a map leads is the user's own word; what an input names is anybody's.
  if (!mapped && !context.settings().allow_file_origins && to_lower(url.substr(0, 5)) == "file:") {
    return make_error(ErrorKind::rejected, context.source.text() + " is a file of this machine",
                      "allow it with --allow-file-urls if the input is trusted");
  }
  return url;
}

// More bytes than any input allows are not waited for.
std::uint64_t most_bytes(const JobSpec& spec) {
  std::uint64_t most = 0;
  for (const ExpectedDigest& expected : spec.expected) {
    most = std::max(most, expected.size.value_or(limits::k_package_bytes));
  }
  return spec.expected.empty() ? limits::k_package_bytes : std::min(most, limits::k_package_bytes);
}

Result<Artifact> fetch_once(JobContext& context, const std::string& url) {
  const std::string shown = redact_url(url);
  context.retry_after.reset();
  ATHANOR_ASSIGN(ScratchFile file, ScratchFile::create(context, original_path(context)));
  const std::uint64_t most = most_bytes(context.spec);
  const HttpSink sink = [&](std::span<const std::uint8_t> bytes) -> Result<void> {
    context.fetched_bytes += bytes.size();
    if (file.size() + bytes.size() > most) {
      return make_error(ErrorKind::corrupt,
                        shown + " sends more than the expected " + std::to_string(most) + " bytes");
    }
    return file.write(bytes);
  };
  const HttpRequest request{.url = url, .max_body_bytes = limits::k_package_bytes};
  ++context.requests;
  ATHANOR_ASSIGN(const HttpResponse response,
                 context.shop.parts.http.perform(request, sink, context.stop));
  if (response.status == 200) {
    return file.finish(context.source.format());
  }
  context.throttled += response.status == 429 || response.status == 503 ? 1 : 0;
  if (const std::optional<std::string> after = response.header("retry-after")) {
    context.retry_after = parse_retry_after(*after, context.shop.parts.clock.wall_now());
  }
  return status_error(response, shown);
}

// "3 attempts failed: first reason; second; third", each reason once.
std::string told(const std::vector<std::string>& reasons) {
  if (reasons.size() == 1) {
    return reasons.front();
  }
  std::vector<std::string> different;
  for (const std::string& reason : reasons) {
    if (std::ranges::find(different, reason) == different.end()) {
      different.push_back(reason);
    }
  }
  return std::to_string(reasons.size()) + " attempts failed: " + join(different, "; then ");
}

Result<Artifact> fetch_origin(JobContext& context) {
  ATHANOR_ASSIGN(const std::string url, origin_url(context));
  // Where the fleet shares a rate out, each request is one that somebody else can't make.
  const unsigned allowed =
      context.spec.requests == 0 ? limits::k_fetch_attempts : context.spec.requests;
  const RetryPolicy policy{.attempts = std::min(allowed, limits::k_fetch_attempts),
                           .base = milliseconds(500),
                           .cap = k_wait_in_place,
                           .retry_after_cap = k_wait_in_place};
  std::vector<std::string> reasons;
  for (unsigned attempt = 1;; ++attempt) {
    ++context.progress.steps;
    Result<Artifact> artifact = fetch_once(context, url);
    if (artifact || artifact.error().kind == ErrorKind::canceled) {
      return artifact;
    }
    Error error = std::move(artifact).error();
    reasons.push_back(std::move(error.message));
    const bool too_long = context.retry_after && *context.retry_after > k_wait_in_place;
    if (error.kind != ErrorKind::retry || attempt >= policy.attempts || too_long) {
      return make_error(error.kind, told(reasons), std::move(error.hint));
    }
    ATHANOR_TRY(context.shop.parts.sleeper(
        retry_delay(policy, attempt, context.random, context.retry_after), context.stop));
  }
}

}  // namespace

Result<void> fetch(JobContext& context) {
  if (context.missing.empty()) {
    return {};
  }
  ATHANOR_ASSIGN(context.original, fetch_local(context));
  if (context.original) {
    context.result.provenance = Provenance::local;
    return {};
  }
  if (context.from_store) {
    ATHANOR_ASSIGN(context.original, fetch_stored(context));
    context.result.provenance = Provenance::store;
    return {};
  }
  ATHANOR_ASSIGN(context.original, fetch_origin(context));
  context.result.provenance = Provenance::origin;
  return {};
}

}  // namespace athanor::worker
