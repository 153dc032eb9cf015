#pragma once

#include "coordinator/upkeep/change_plan.hpp"
#include "coordinator/upkeep/upkeep.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor::coordinator {

// What was taken away and can be put back: TRASH.md.

// ".athanor/trash/<id>/tombstones": the list of what was to be taken away, written before anything
// is.
std::string tombstones_key(std::string_view id);
// ".athanor/trash/<id>/<sha256 of the key>": where the object's bytes are kept.
std::string trashed_key(std::string_view id, std::string_view key);

// Puts an object's bytes under another name too: inside the store where it can do that, else
// through a scratch file. `exists` if another object stands there already. Absent if the original
// has gone.
Result<std::optional<PutOutcome>> copy_within(Store& store, const std::string& from,
                                              const std::string& to, std::stop_token stop);

struct TrashEntry {
  std::string id;
  std::uint64_t objects = 0;  // that can be put back
  std::uint64_t bytes = 0;
  std::optional<WallTime> made{};  // by the store's clock
};
// Every act that took something away, in the order of ids, which begin with their time.
Result<std::vector<TrashEntry>> list_trash(const Upkeep& upkeep);

struct UndoReport {
  std::uint64_t restored = 0;
  std::uint64_t bytes = 0;
  std::uint64_t still_there = 0;       // never taken away, or put back before
  std::vector<std::string> conflicts;  // kept in the trash: their place is taken; the first 100
  std::uint64_t more_conflicts = 0;
};
// Puts back what was taken away under that id, never over what stands there now and never as a
// second hash of a slot. Can be repeated. invalid: there is no such id.
Result<UndoReport> undo(const Upkeep& upkeep, const std::string& id);

struct PurgeReport {
  std::uint64_t acts = 0;
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
};
// Removes for good what was taken away longer ago than that, by the store's clock (`now` is its).
Result<PurgeReport> purge(const Upkeep& upkeep, std::chrono::seconds older_than, WallTime now);

// What time it is for the store: writes a small object of its own, looks, takes it away. Our own
// clock doesn't matter for what is deleted.
Result<WallTime> store_time(Store& store);

}  // namespace athanor::coordinator
