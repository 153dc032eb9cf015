#pragma once

#include "shared/layout/layout.hpp"
#include "shared/store/store.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>

namespace athanor::coordinator {

// How far a long walk through a store is.
struct UpkeepProgress {
  std::string_view doing;  // "listing", "reading", ...: a verb for a person
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> of_objects{};  // all that there are, where that is known
};

// What every kind of upkeep works on. The references outlive the work.
struct Upkeep {
  Store& store;
  const Layout& layout;
  std::stop_token stop{};
  // Called often, never by two threads at once. May be empty.
  std::function<void(const UpkeepProgress&)> on_progress{};

  void tell(const UpkeepProgress& progress) const {
    if (on_progress) {
      on_progress(progress);
    }
  }
};

}  // namespace athanor::coordinator
