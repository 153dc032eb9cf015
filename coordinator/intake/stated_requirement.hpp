#pragma once

#include "coordinator/intake/input_text.hpp"
#include "coordinator/intake/request.hpp"
#include "shared/base/result.hpp"

#include <cstddef>
#include <string_view>

namespace athanor::coordinator {

// What was asked for, as our own lock files say it beside the packages, so that a run on them makes
// the same ids: {"name": …, "coresolve": …, "deps": {…}, "sources": {…}, "extras": {…}}. In an
// @EXPLICIT file it stands in a comment "# athanor: …", in conda-lock.yml in the metadata's
// custom_metadata under "athanor/PLATFORM". Puts it into the request. invalid: it isn't that.
Result<void> read_stated_requirement(const InputText& input, std::string_view text,
                                     std::size_t line, EnvironmentRequest& request);

}  // namespace athanor::coordinator
