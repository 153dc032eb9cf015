#include "worker/pipeline/candidates.hpp"

#include "shared/base/strings.hpp"
#include "shared/net/mirrors.hpp"
#include "shared/net/origin_map.hpp"
#include "shared/net/url.hpp"
#include "worker/pipeline/expected.hpp"

#include <algorithm>
#include <utility>

namespace athanor::worker {
namespace {

// A source built on somebody's machine, which no origin ever had.
constexpr std::string_view k_no_origin = "_fake";

std::string host_of(const std::string& url) {
  const Result<Url> parsed = Url::parse(url);
  return !parsed || parsed->host.empty() ? url.substr(0, url.find("://") + 3) : parsed->netloc();
}

Result<std::string> primary_url(const JobContext& context) {
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

}  // namespace

Result<std::vector<Candidate>> candidates_of(JobContext& context) {
  ATHANOR_ASSIGN(const std::string primary, primary_url(context));
  std::vector<Candidate> candidates;
  // A mirror's bytes count only if they can be told from others.
  const MirrorMap none;
  const MirrorMap& mirrors = names_a_hash(context.spec) ? context.settings().mirrors : none;
  for (std::string& url : mirror_urls(mirrors, context.source.text(), context.random)) {
    const bool is_primary = url == context.source.text();
    Candidate& candidate = candidates.emplace_back();
    candidate.url = is_primary ? primary : std::move(url);
    candidate.host = host_of(candidate.url);
    candidate.is_primary = is_primary;
    // Where the fleet shares the origin's rate out, each request is one that somebody else can't
    // make.
    if (is_primary && context.spec.requests != 0) {
      candidate.allowed = std::min(candidate.allowed, context.spec.requests);
    }
  }
  return candidates;
}

}  // namespace athanor::worker
