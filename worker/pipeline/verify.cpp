#include "shared/archive/transmute.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/platform.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"
#include "worker/pipeline/stages.hpp"

#include <algorithm>
#include <string>
#include <string_view>

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

// The bytes go where a person can look at them, never to where anybody reads them as a package.
Error quarantined(JobContext& context, Error error) {
  const Artifact& artifact = *context.original;
  const Result<std::filesystem::path> kept = context.shop.parts.workspace.quarantine(
      artifact.path, artifact.digest.sha256.hex() + "-" + context.filename(artifact.format));
  error.message += kept ? "; the bytes are kept in '" + printable(kept->string()) + "'"
                        : "; the bytes could not be kept: " + kept.error().message;
  return error;
}

bool is_expected(const JobContext& context, const Digest& digest) {
  const std::vector<ExpectedDigest>& expected = context.spec.expected;
  return expected.empty() || std::ranges::any_of(expected, [&](const ExpectedDigest& one) {
           return one.matches(digest);
         });
}

Error not_as_named(std::string_view what, std::string_view in_archive, std::string_view in_url) {
  return make_error(ErrorKind::corrupt,
                    "the archive is another package: its info/index.json says " +
                        std::string(what) + " '" + printable(in_archive, 100) +
                        "', its URL says '" + printable(in_url, 100) + "'",
                    "the origin serves the wrong file, or it was renamed");
}

bool is_subdir(std::string_view name) {
  return name == "noarch" || is_known_platform(name);
}

// noarch packages stand in platform folders now and then; channels of tests and flat folders have
// no subdir in their URL at all. Only two different platforms contradict each other.
Result<void> check_subdir(JobContext& context, const JsonView& index) {
  ATHANOR_ASSIGN(const std::optional<std::string_view> in_archive, index.optional_string("subdir"));
  const std::string in_url = percent_decode(context.source.subdir());
  if (!in_archive || in_archive->empty() || *in_archive == in_url || !is_subdir(in_url)) {
    return {};
  }
  if (*in_archive != "noarch") {
    return not_as_named("subdir", *in_archive, in_url);
  }
  context.result.warnings.push_back("a noarch package stands in " + in_url);
  return {};
}

Result<void> check_index(JobContext& context) {
  ATHANOR_ASSIGN(const std::string text,
                 read_index_json(context.original->path, context.original->format));
  Result<Json> json = parse_json(text);
  if (!json) {
    return make_error(ErrorKind::corrupt, "info/index.json can't be read: " + json.error().message);
  }
  const JsonView index(*json, "info/index.json");
  const std::optional<ArtifactName> name = ArtifactName::parse(context.source.stem());
  ATHANOR_CHECK(name.has_value());  // SourceUrl sees to it
  const struct {
    std::string_view key;
    const std::string& in_url;
  } rows[] = {{"name", name->name}, {"version", name->version}, {"build", name->build}};
  for (const auto& row : rows) {
    ATHANOR_ASSIGN(const std::string_view in_archive, index.string(row.key));
    if (in_archive != row.in_url) {
      return not_as_named(row.key, in_archive, row.in_url);
    }
  }
  return check_subdir(context, index);
}

}  // namespace

Result<void> verify(JobContext& context) {
  if (!context.original) {
    return {};
  }
  const Digest& digest = context.original->digest;
  if (!is_expected(context, digest)) {
    return quarantined(context,
                       make_error(ErrorKind::corrupt,
                                  "the bytes are not what the inputs say: expected " +
                                      shown(context.spec.expected) + "; found " + shown(digest),
                                  "the origin has changed or altered the file; compare it with the "
                                  "channel's repodata"));
  }
  context.result.source_digest = digest;
  if (context.source.type() != PackageType::conda) {
    return {};
  }
  Result<void> checked = check_index(context);
  if (checked || checked.error().kind == ErrorKind::retry ||
      checked.error().kind == ErrorKind::canceled) {
    return checked;
  }
  Error error = std::move(checked).error();
  if (error.kind == ErrorKind::invalid) {
    error.kind = ErrorKind::corrupt;  // JsonView speaks of inputs; this one came in an archive
  }
  return quarantined(context, std::move(error));
}

}  // namespace athanor::worker
