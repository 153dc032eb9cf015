#pragma once

#include "shared/base/result.hpp"
#include "shared/conda/source_url.hpp"
#include "shared/layout/layout.hpp"
#include "shared/protocol/job.hpp"
#include "shared/store/store.hpp"

#include <map>
#include <optional>
#include <stop_token>

namespace athanor::worker {

// What the store holds of a source, by format, with the rules of the readers checked: one hash
// folder per format, and nothing else. rejected ("slot conflict"), with the keys in question, if
// they are broken.
Result<std::map<Format, StoredFormat>> read_slots(Store& store, const Layout& layout,
                                                  const SourceUrl& source, std::stop_token stop);

// The same for one format.
Result<std::optional<StoredFormat>> read_slot(Store& store, const Layout& layout,
                                              const SourceUrl& source, Format format,
                                              std::stop_token stop);

}  // namespace athanor::worker
