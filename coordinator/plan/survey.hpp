#pragma once

#include "coordinator/intake/request.hpp"
#include "shared/base/result.hpp"
#include "shared/layout/layout.hpp"
#include "shared/protocol/job.hpp"
#include "shared/store/store.hpp"

#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

namespace athanor::coordinator {

// What the store holds of one source.
struct SurveyedSource {
  std::vector<StoredFormat> formats;  // whole ones, each format once
  // A slot with two hash folders, a file where a folder belongs: what breaks readers. For a person.
  std::vector<std::string> conflicts;
};
// By Layout::source_prefix; a source of which the store holds nothing may be missing.
using Survey = std::unordered_map<std::string, SurveyedSource>;

// Each source once (by its place in the store), in order of first mention. The pointers are into
// `intake`.
std::vector<const SourceUrl*> distinct_sources(const IntakeResult& intake, const Layout& layout);

// Asks the store once for everything that a batch needs to know about its packages: not two round
// trips per package, but a listing per channel and subdir where a look-up costs a round trip and
// the listing is not much longer than the look-ups would be; many at a time. Blocks. Errors: the
// store's; canceled.
Result<Survey> survey_store(Store& store, const Layout& layout,
                            std::span<const SourceUrl* const> sources, std::stop_token stop = {});

}  // namespace athanor::coordinator
