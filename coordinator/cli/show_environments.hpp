#pragma once

#include "coordinator/cli/verb.hpp"
#include "shared/base/result.hpp"

#include <string>
#include <vector>

namespace athanor::coordinator {

// Prints what settings files with bindings make: each environment's values, with the file and line
// that define them and what they override. Credentials of URLs are never shown. invalid: a file
// isn't one, or says something that isn't understood.
Result<void> show_environments(VerbContext& context, const std::vector<std::string>& files);

}  // namespace athanor::coordinator
