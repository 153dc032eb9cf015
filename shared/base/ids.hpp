#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace athanor {

// A number that can't be passed where another kind of number is meant.
template <typename Tag>
struct StrongId {
  std::uint64_t value = 0;

  friend auto operator<=>(const StrongId&, const StrongId&) = default;
};

using JobId = StrongId<struct JobIdTag>;        // one job of one coordinator's journal; from 1
using WorkerId = StrongId<struct WorkerIdTag>;  // one worker's session with one coordinator; from 1
using BatchId = StrongId<struct BatchIdTag>;    // one submission; from 1
using EnvironmentId = StrongId<struct EnvironmentIdTag>;  // one environment × platform of a batch

}  // namespace athanor

template <typename Tag>
struct std::hash<athanor::StrongId<Tag>> {
  std::size_t operator()(const athanor::StrongId<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};
