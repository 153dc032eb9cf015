#include "coordinator/upkeep/trash.hpp"

#include "coordinator/plan/parallel.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "coordinator/upkeep/lines.hpp"
#include "shared/base/random.hpp"
#include "shared/base/strings.hpp"
#include "shared/digest/digest.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"

#include <fcntl.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr std::string_view k_trash = ".athanor/trash/";
constexpr std::string_view k_tombstones = "tombstones";
constexpr unsigned k_parallel = 8;
constexpr std::size_t k_chunk = 64;
constexpr std::size_t k_kept_conflicts = 100;

std::string folder_of(std::string_view id) {
  return std::string(k_trash) + std::string(id) + "/";
}

// Whether another hash stands in the slot that the object would come back to, or, of other objects,
// a folder of the same name, which a directory can't hold beside it.
Result<bool> is_place_taken(const Upkeep& upkeep, const std::string& key) {
  const auto package = upkeep.layout.parse_artifact_key(key);
  if (!package) {
    ATHANOR_ASSIGN(const auto below, upkeep.store.list_folder(key + "/"));
    return !below.empty();
  }
  ATHANOR_ASSIGN(const auto entries, upkeep.store.list_folder(slot_of(upkeep.layout, *package)));
  return std::ranges::any_of(entries, [&](const Store::FolderEntry& entry) {
    return entry.is_folder && entry.name != package->hash;
  });
}

enum class Restored { yes, nothing_to_do, conflict };

Result<Restored> restore(const Upkeep& upkeep, const std::string& id, const Change& change) {
  const std::string from = trashed_key(id, change.key);
  ATHANOR_ASSIGN(const auto kept, upkeep.store.find(from));
  if (!kept) {
    return Restored::nothing_to_do;
  }
  ATHANOR_ASSIGN(const bool taken, is_place_taken(upkeep, change.key));
  if (taken) {
    return Restored::conflict;
  }
  ATHANOR_ASSIGN(const auto put, copy_within(upkeep.store, from, change.key, upkeep.stop));
  if (put == PutOutcome::exists) {
    // Cut off between the two steps an undo was, or the same bytes came back another way.
    ATHANOR_ASSIGN(const auto there, upkeep.store.find(change.key));
    if (!there || there->size != kept->size) {
      return Restored::conflict;
    }
  }
  ATHANOR_TRY(upkeep.store.remove(from));
  return Restored::yes;
}

Result<void> restore_chunk(const Upkeep& upkeep, const std::string& id,
                           std::vector<Change>& changes, UndoReport& report) {
  std::mutex mutex;
  ATHANOR_TRY(for_each_in_parallel(
      changes.size(), k_parallel,
      [&](std::size_t i) -> Result<void> {
        ATHANOR_ASSIGN(const Restored restored, restore(upkeep, id, changes[i]));
        const std::lock_guard lock(mutex);
        if (restored == Restored::yes) {
          ++report.restored;
          report.bytes += changes[i].size;
          upkeep.tell({.doing = "putting back", .objects = report.restored, .bytes = report.bytes});
        } else if (restored == Restored::nothing_to_do) {
          ++report.still_there;
        } else if (report.conflicts.size() < k_kept_conflicts) {
          report.conflicts.push_back(changes[i].key);
        } else {
          ++report.more_conflicts;
        }
        return {};
      },
      upkeep.stop));
  changes.clear();
  return {};
}

Result<std::optional<Digest>> fetch_into(Store& store, const std::string& key,
                                         const std::filesystem::path& path, std::stop_token stop) {
  ATHANOR_ASSIGN(const Fd file, open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  DigestHasher hasher;
  ATHANOR_ASSIGN(const bool there, store.get(
                                       key, {},
                                       [&](std::span<const std::uint8_t> bytes) -> Result<void> {
                                         hasher.update(bytes);
                                         return write_all(file, bytes, path);
                                       },
                                       std::move(stop)));
  return there ? std::optional(hasher.finish()) : std::nullopt;
}

}  // namespace

std::string tombstones_key(std::string_view id) {
  return folder_of(id) + std::string(k_tombstones);
}

std::string trashed_key(std::string_view id, std::string_view key) {
  return folder_of(id) + sha256_of(key).hex();
}

Result<std::optional<PutOutcome>> copy_within(Store& store, const std::string& from,
                                              const std::string& to, std::stop_token stop) {
  ATHANOR_ASSIGN(const auto inside, store.copy_if_absent(from, to));
  if (inside == CopyOutcome::created) {
    return std::optional(PutOutcome::created);
  }
  if (inside == CopyOutcome::exists) {
    return std::optional(PutOutcome::exists);
  }
  if (inside == CopyOutcome::no_original) {
    return std::optional<PutOutcome>();
  }
  ATHANOR_ASSIGN(const TempDir scratch, TempDir::create("athanor-copy-"));
  const auto path = scratch.path() / "object";
  ATHANOR_ASSIGN(const auto digest, fetch_into(store, from, path, stop));
  if (!digest) {
    return std::optional<PutOutcome>();
  }
  ATHANOR_ASSIGN(
      const PutOutcome put,
      store.put_if_absent(to, ObjectSource::from_file(path, *digest, SourceFile::given), stop));
  return std::optional(put);
}

Result<std::vector<TrashEntry>> list_trash(const Upkeep& upkeep) {
  std::vector<TrashEntry> entries;
  ATHANOR_TRY(upkeep.store.list(
      k_trash,
      [&](const ObjectInfo& info) -> Result<void> {
        const std::string_view rest = std::string_view(info.key).substr(k_trash.size());
        const std::string_view id = rest.substr(0, rest.find('/'));
        if (entries.empty() || entries.back().id != id) {
          entries.push_back({.id = std::string(id)});
        }
        TrashEntry& entry = entries.back();
        if (rest.substr(std::min(id.size() + 1, rest.size())) == k_tombstones) {
          entry.made = info.modified;
        } else {
          ++entry.objects;
          entry.bytes += info.size;
        }
        return {};
      },
      upkeep.stop));
  return entries;
}

Result<UndoReport> undo(const Upkeep& upkeep, const std::string& id) {
  UndoReport report;
  const std::string key = tombstones_key(id);
  ATHANOR_ASSIGN(const TempDir scratch, TempDir::create("athanor-undo-"));
  const auto path = scratch.path() / "tombstones";
  ATHANOR_ASSIGN(const auto digest, fetch_into(upkeep.store, key, path, upkeep.stop));
  if (!digest) {
    return make_error(ErrorKind::invalid, "nothing was taken away under '" + printable(id) + "'",
                      "`athanor store gc list` shows what can be undone");
  }
  std::vector<Change> chunk;
  ATHANOR_TRY(read_lines(path, "the tombstones '" + printable(key) + "'",
                         [&](const Json& json, std::uint64_t) -> Result<void> {
                           ATHANOR_ASSIGN(Change change, change_from_json(json, "a tombstone"));
                           chunk.push_back(std::move(change));
                           return chunk.size() < k_chunk ? Result<void>()
                                                         : restore_chunk(upkeep, id, chunk, report);
                         }));
  ATHANOR_TRY(restore_chunk(upkeep, id, chunk, report));
  if (report.conflicts.empty()) {
    ATHANOR_TRY(upkeep.store.remove(key));
  }
  return report;
}

Result<PurgeReport> purge(const Upkeep& upkeep, std::chrono::seconds older_than, WallTime now) {
  PurgeReport report;
  ATHANOR_ASSIGN(const std::vector<TrashEntry> entries, list_trash(upkeep));
  for (const TrashEntry& entry : entries) {
    if (!entry.made || now - *entry.made < older_than) {
      continue;
    }
    const auto remove = [&](const ObjectInfo& info) -> Result<void> {
      if (info.key == tombstones_key(entry.id)) {
        return {};  // last, so that a purge that is cut off can be repeated
      }
      ATHANOR_TRY(upkeep.store.remove(info.key));
      ++report.objects;
      report.bytes += info.size;
      upkeep.tell({.doing = "removing", .objects = report.objects, .bytes = report.bytes});
      return {};
    };
    ATHANOR_TRY(upkeep.store.list(folder_of(entry.id), remove, upkeep.stop));
    ATHANOR_TRY(upkeep.store.remove(tombstones_key(entry.id)));
    ++report.acts;
  }
  return report;
}

Result<WallTime> store_time(Store& store) {
  Random random = Random::from_entropy();
  const std::uint64_t number = random.next();
  const std::string key =
      ".athanor/clock/" +
      to_hex(std::span(reinterpret_cast<const std::uint8_t*>(&number), sizeof number));
  ATHANOR_TRY(store.put_if_absent(key, ObjectSource::from_bytes("What time is it here?\n")));
  ATHANOR_ASSIGN(const auto info, store.find(key));
  ATHANOR_TRY(store.remove(key));
  if (!info || !info->modified) {
    return make_error(ErrorKind::unsupported,
                      "the store " + store.url() + " doesn't say when objects were written",
                      "nothing can be taken away by age there");
  }
  return *info->modified;
}

}  // namespace athanor::coordinator
