#include "shared/base/strings.hpp"
#include "worker/pipeline/slots.hpp"
#include "worker/pipeline/stages.hpp"

#include <algorithm>

namespace athanor::worker {
namespace {

// What the inputs say about an object's hash as it stands in its key: whether they name one at all,
// and whether `hash` is one of those.
struct HashOpinion {
  bool is_named = false;
  bool is_right = false;
  std::string names;
};

HashOpinion opinion_of(const JobSpec& spec, const std::string& hash) {
  HashOpinion opinion;
  bool some_input_is_silent = spec.expected.empty();
  for (const ExpectedDigest& expected : spec.expected) {
    const std::string named = spec.type == PackageType::conda
                                  ? (expected.md5 ? expected.md5->hex() : "")
                                  : (expected.sha256 ? expected.sha256->hex() : "");
    if (named.empty()) {
      some_input_is_silent = true;
      continue;
    }
    opinion.is_right = opinion.is_right || named == hash;
    opinion.names += (opinion.names.empty() ? "" : " or ") + named;
  }
  opinion.is_named = !some_input_is_silent;
  return opinion;
}

Result<void> check_stored_source(const JobContext& context, const StoredFormat& stored) {
  const HashOpinion opinion = opinion_of(context.spec, stored.hash);
  if (!opinion.is_named || opinion.is_right) {
    return {};
  }
  return make_error(ErrorKind::rejected,
                    "slot conflict: the store holds '" + printable(stored.key) +
                        "', but the inputs say " + opinion.names + " for " + context.source.text(),
                    "the content behind this URL has changed once; remove the object if the "
                    "inputs are right");
}

}  // namespace

Result<void> locate(JobContext& context) {
  ATHANOR_ASSIGN(context.stored,
                 read_slots(context.store(), context.layout(), context.source, context.stop));
  const auto source = context.stored.find(context.source.format());
  if (source != context.stored.end()) {
    ATHANOR_TRY(check_stored_source(context, source->second));
    context.from_store = source->second;
  }
  for (const Format format : context.spec.wanted) {
    if (!context.stored.contains(format)) {
      context.missing.push_back(format);
    }
  }
  return {};
}

}  // namespace athanor::worker
