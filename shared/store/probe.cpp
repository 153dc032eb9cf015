#include "shared/store/probe.hpp"

namespace athanor {

Result<void> probe_writing(Store& store) {
  const auto put = store.put(".athanor/probe", ObjectSource::from_bytes("athanor\n"), std::nullopt);
  if (!put) {
    Error error = put.error();
    return std::move(error).with_context("the store can't be written");
  }
  return {};
}

}  // namespace athanor
