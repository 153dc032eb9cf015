#include "shared/archive/transmute.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/platform.hpp"
#include "shared/json/json.hpp"
#include "shared/json/view.hpp"
#include "worker/pipeline/expected.hpp"
#include "worker/pipeline/stages.hpp"

#include <string>
#include <string_view>

namespace athanor::worker {
namespace {

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
  if (!is_expected(context.spec, digest)) {
    return altered(context, *context.original, "");
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
  return quarantined(context, *context.original, std::move(error));
}

}  // namespace athanor::worker
