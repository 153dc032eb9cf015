#include "worker/pipeline/expected.hpp"

#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <utility>

namespace athanor::worker {
namespace {

std::string shown(const Digest& digest) {
  return "md5 " + digest.md5.hex() + ", sha256 " + digest.sha256.hex() + ", " +
         std::to_string(digest.size) + " bytes";
}

std::string shown(const std::vector<ExpectedDigest>& expected) {
  std::string text;
  for (const ExpectedDigest& one : expected) {
    text += (text.empty() ? "" : "; or ") + one.to_string();
  }
  return text;
}

}  // namespace

bool names_a_hash(const JobSpec& spec) {
  return std::ranges::any_of(spec.expected, [](const ExpectedDigest& expected) {
    return expected.md5 || expected.sha256;
  });
}

bool is_expected(const JobSpec& spec, const Digest& digest) {
  return spec.expected.empty() ||
         std::ranges::any_of(spec.expected,
                             [&](const ExpectedDigest& one) { return one.matches(digest); });
}

bool is_named(const JobSpec& spec, const Digest& digest) {
  return std::ranges::any_of(spec.expected, [&](const ExpectedDigest& expected) {
    return (expected.md5 || expected.sha256) && expected.matches(digest);
  });
}

std::optional<std::uint64_t> known_size(const JobSpec& spec) {
  std::optional<std::uint64_t> size;
  for (const ExpectedDigest& expected : spec.expected) {
    if (!expected.size || (size && *size != *expected.size)) {
      return std::nullopt;
    }
    size = expected.size;
  }
  return size;
}

MostBytes most_bytes(const JobContext& context) {
  const std::uint64_t set = context.settings().max_package_bytes;
  const std::uint64_t limit =
      set == 0 ? limits::k_package_bytes : std::min(set, limits::k_package_bytes);
  std::uint64_t most = 0;
  for (const ExpectedDigest& expected : context.spec.expected) {
    most = std::max(most, expected.size.value_or(UINT64_MAX));
  }
  if (context.spec.expected.empty() || most > limit) {
    return {.bytes = limit, .is_expected = false};
  }
  return {.bytes = most, .is_expected = true};
}

Error quarantined(JobContext& context, const Artifact& artifact, Error error) {
  const Result<std::filesystem::path> kept = context.shop.parts.workspace.quarantine(
      artifact.path, artifact.digest.sha256.hex() + "-" + context.filename(artifact.format));
  error.message += kept ? "; the bytes are kept in '" + printable(kept->string()) + "'"
                        : "; the bytes could not be kept: " + kept.error().message;
  return error;
}

Error altered(JobContext& context, const Artifact& artifact, const std::string& origin) {
  return quarantined(
      context, artifact,
      make_error(ErrorKind::corrupt,
                 (origin.empty() ? "the bytes are" : "the bytes from " + origin + " are") +
                     std::string(" not what the inputs say: expected ") +
                     shown(context.spec.expected) + "; found " + shown(artifact.digest),
                 "the origin has changed or altered the file; compare it with the channel's "
                 "repodata"));
}

}  // namespace athanor::worker
