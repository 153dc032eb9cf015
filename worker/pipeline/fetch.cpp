#include "shared/base/strings.hpp"
#include "shared/net/url.hpp"
#include "shared/os/files.hpp"
#include "worker/pipeline/expected.hpp"
#include "worker/pipeline/origin_fetch.hpp"
#include "worker/pipeline/scratch_file.hpp"
#include "worker/pipeline/stages.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace athanor::worker {
namespace {

constexpr std::size_t k_copy_bytes = 256 * 1024;

// --- A local package directory -------------------------------------------------------------------

std::string key_hash(const JobContext& context, const Digest& digest) {
  return context.source.type() == PackageType::conda ? digest.md5.hex() : digest.sha256.hex();
}

Result<Artifact> copy_file(JobContext& context, const Fd& from, const std::filesystem::path& path) {
  ATHANOR_ASSIGN(ScratchFile to, ScratchFile::create(context, context.original_path()));
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

// Absent if no local package directory has the file. Only bytes whose hash an input names may come
// from a directory that anybody may have filled. A look-up is one open() per directory, never a
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
      if (is_named(context.spec, artifact.digest) && same_as_stored) {
        return std::optional(std::move(artifact));
      }
    }
  }
  return std::optional<Artifact>();
}

// --- The store -----------------------------------------------------------------------------------

Result<Artifact> fetch_stored(JobContext& context) {
  const StoredFormat& stored = *context.from_store;
  ATHANOR_ASSIGN(ScratchFile file, ScratchFile::create(context, context.original_path()));
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
  ATHANOR_ASSIGN(context.original, fetch_from_origins(context));
  context.result.provenance = Provenance::origin;
  return {};
}

}  // namespace athanor::worker
