#pragma once

#include "coordinator/core/core.hpp"
#include "coordinator/server/batch_desk.hpp"
#include "shared/base/clock.hpp"
#include "shared/base/result.hpp"
#include "shared/json/json.hpp"
#include "shared/layout/layout.hpp"

#include <string>

// Why jobs are where they are, and who works, as the JSON that clients print.
namespace athanor::coordinator {

// `subject`: a job's number, a package's URL, a part of one, or a key of the store. not_found: no
// job and no package of an open batch is meant by it.
Result<Json> explain_answer(const Core& core, const BatchDesk& desk, const Layout& layout,
                            const std::string& subject, TimePoint now);

Json workers_answer(const Core& core, TimePoint now);

}  // namespace athanor::coordinator
