#include "coordinator/intake/request.hpp"

#include "shared/base/check.hpp"

#include <algorithm>

namespace athanor::coordinator {

std::string_view to_string(SkipReason reason) {
  switch (reason) {
    case SkipReason::source_package:
      return "source package";
    case SkipReason::local_or_vcs:
      return "local path or repository revision";
    case SkipReason::virtual_package:
      return "virtual package";
    case SkipReason::duplicate:
      return "duplicate";
  }
  ATHANOR_CHECK(false);
}

bool EnvironmentRequest::is_whole() const {
  return std::all_of(skipped.begin(), skipped.end(), [](const SkippedReference& reference) {
    return reference.reason == SkipReason::virtual_package ||
           reference.reason == SkipReason::duplicate;
  });
}

}  // namespace athanor::coordinator
