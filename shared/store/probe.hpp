#pragma once

#include "shared/base/result.hpp"
#include "shared/store/store.hpp"

namespace athanor {

// Whether the store lets us write: puts a small object under a key of our own (".athanor/probe"),
// which stays there. Fails as put() does: rejected without the right, retry when the disk is full.
Result<void> probe_writing(Store& store);

}  // namespace athanor
