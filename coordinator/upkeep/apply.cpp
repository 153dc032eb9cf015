#include "coordinator/upkeep/apply.hpp"

#include "coordinator/plan/parallel.hpp"
#include "coordinator/upkeep/descriptions.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "coordinator/upkeep/trash.hpp"
#include "shared/base/strings.hpp"
#include "shared/digest/digest.hpp"
#include "shared/net/http_date.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"

#include <fcntl.h>

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace athanor::coordinator {
namespace {

constexpr unsigned k_parallel = 8;
constexpr std::size_t k_chunk = 64;
constexpr std::uint64_t k_claim_bytes = 64 * 1024;

enum class Fate { taken_away, moved, gone, changed, young, needed, taken };

class Application {
 public:
  Application(const Upkeep& upkeep, std::filesystem::path plan, ChangePlanHeader header)
      : upkeep_(upkeep),
        plan_(std::move(plan)),
        header_(std::move(header)) {}

  Result<ApplyReport> run(std::uint64_t random) {
    ATHANOR_ASSIGN(references_, References::collect(upkeep_));
    if (header_.purpose == PlanPurpose::gc) {
      ATHANOR_TRY(references_->check_all_readable());
    }
    ATHANOR_ASSIGN(now_, store_time(upkeep_.store));
    id_ = std::string(header_.purpose == PlanPurpose::gc ? "gc-" : "repair-") +
          format_compact_date(now_) + "-" +
          to_hex(std::span(reinterpret_cast<const std::uint8_t*>(&random), 4));
    ATHANOR_TRY(write_tombstones());
    ATHANOR_TRY(for_each_chunk([this](std::vector<Change>& chunk) { return take_away(chunk); }));
    ATHANOR_TRY(references_->collect_new(upkeep_));
    ATHANOR_TRY(for_each_chunk([this](std::vector<Change>& chunk) { return put_back(chunk); }));
    if (report_.taken_away == 0) {
      ATHANOR_TRY(upkeep_.store.remove(tombstones_key(id_)));
    } else {
      report_.id = id_;
    }
    return report_;
  }

 private:
  Result<void> for_each_chunk(const std::function<Result<void>(std::vector<Change>&)>& work) {
    std::vector<Change> chunk;
    const auto collect = [&](const Change& change) -> Result<void> {
      chunk.push_back(change);
      if (chunk.size() < k_chunk) {
        return {};
      }
      ATHANOR_TRY(work(chunk));
      chunk.clear();
      return {};
    };
    ATHANOR_TRY(read_plan(plan_, collect));
    return work(chunk);
  }

  Result<void> write_tombstones() {
    ATHANOR_ASSIGN(const TempDir scratch, TempDir::create("athanor-tombstones-"));
    const auto path = scratch.path() / "tombstones";
    DigestHasher hasher;
    {
      ATHANOR_ASSIGN(const Fd file, open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
      ATHANOR_TRY(read_plan(plan_, [&](const Change& change) -> Result<void> {
        const std::string line = dump_json(change_to_json(change)) + "\n";
        const std::span bytes(reinterpret_cast<const std::uint8_t*>(line.data()), line.size());
        hasher.update(bytes);
        return write_all(file, bytes, path);
      }));
    }
    ATHANOR_ASSIGN(
        const PutOutcome put,
        upkeep_.store.put_if_absent(tombstones_key(id_),
                                    ObjectSource::from_file(path, hasher.finish()), upkeep_.stop));
    if (put == PutOutcome::exists) {
      return make_error(ErrorKind::retry, "another act has the id " + id_, "try again");
    }
    return {};
  }

  bool is_needed(const Change& change) const {
    if (change.although_named) {
      return false;
    }
    if (references_->names(change.key)) {
      return true;
    }
    const auto package = upkeep_.layout.parse_artifact_key(change.key);
    if (package && !references_->check_all_readable()) {
      return true;  // nobody knows
    }
    return header_.purpose == PlanPurpose::gc && package &&
           references_->uses_source_of(upkeep_.layout, *package);
  }

  Result<Fate> decide_and_do(const Change& change) {
    if (is_needed(change)) {
      return Fate::needed;
    }
    ATHANOR_ASSIGN(const auto info, upkeep_.store.find(change.key));
    if (!info) {
      return Fate::gone;
    }
    if (info->version_tag != change.version_tag || info->size != change.size) {
      return Fate::changed;
    }
    if (header_.grace > header_.grace.zero() &&
        (!info->modified || now_ - *info->modified < header_.grace)) {
      return Fate::young;
    }
    if (change.kind == ChangeKind::move) {
      ATHANOR_ASSIGN(const bool free, is_place_free(change.to));
      if (!free) {
        return Fate::taken;
      }
    }
    const std::string trashed = trashed_key(id_, change.key);
    ATHANOR_ASSIGN(const auto kept, copy_within(upkeep_.store, change.key, trashed, upkeep_.stop));
    if (!kept) {
      return Fate::gone;
    }
    ATHANOR_TRY(upkeep_.store.remove(change.key));
    ATHANOR_TRY(remove_claim(change.key));
    if (change.kind == ChangeKind::discard) {
      return Fate::taken_away;
    }
    // From the trash: in a directory the object may have stood where the new place's folder is.
    ATHANOR_ASSIGN(const auto moved, copy_within(upkeep_.store, trashed, change.to, upkeep_.stop));
    return moved == PutOutcome::created ? Fate::moved : Fate::taken_away;
  }

  // No hash stands in the slot yet.
  Result<bool> is_place_free(const std::string& key) const {
    const auto package = upkeep_.layout.parse_artifact_key(key);
    if (!package) {
      return false;
    }
    ATHANOR_ASSIGN(const auto entries,
                   upkeep_.store.list_folder(slot_of(upkeep_.layout, *package)));
    for (const Store::FolderEntry& entry : entries) {
      if (entry.is_folder) {
        return false;
      }
    }
    return true;
  }

  // Otherwise a writer would wait for the object that the claim announces.
  Result<void> remove_claim(const std::string& key) const {
    const auto package = upkeep_.layout.parse_artifact_key(key);
    if (!package) {
      return {};
    }
    const std::string claim = upkeep_.layout.claim_key(*package);
    ATHANOR_ASSIGN(const auto announced, read_object(upkeep_.store, claim, k_claim_bytes));
    return announced == key ? upkeep_.store.remove(claim) : Result<void>();
  }

  Result<void> take_away(std::vector<Change>& chunk) {
    return for_each_in_parallel(
        chunk.size(), k_parallel,
        [&](std::size_t i) -> Result<void> {
          ATHANOR_ASSIGN(const Fate fate, decide_and_do(chunk[i]));
          const std::lock_guard lock(mutex_);
          count(fate, chunk[i]);
          return {};
        },
        upkeep_.stop);
  }

  void count(Fate fate, const Change& change) {
    switch (fate) {
      case Fate::moved:
        ++report_.moved;
        [[fallthrough]];
      case Fate::taken_away:
        ++report_.taken_away;
        report_.bytes += change.size;
        break;
      case Fate::gone:
        ++report_.gone;
        break;
      case Fate::changed:
        ++report_.changed;
        break;
      case Fate::young:
        ++report_.young;
        break;
      case Fate::needed:
        ++report_.needed;
        break;
      case Fate::taken:
        ++report_.taken;
        break;
    }
    upkeep_.tell({.doing = "taking away",
                  .objects = report_.taken_away + report_.left_alone(),
                  .bytes = report_.bytes});
  }

  Result<void> put_back(std::vector<Change>& chunk) {
    for (const Change& change : chunk) {
      if (!is_needed(change)) {
        continue;
      }
      const std::string from = trashed_key(id_, change.key);
      ATHANOR_ASSIGN(const auto kept, upkeep_.store.find(from));
      if (!kept) {
        continue;
      }
      ATHANOR_ASSIGN(const auto put, copy_within(upkeep_.store, from, change.key, upkeep_.stop));
      if (put == PutOutcome::created) {
        ATHANOR_TRY(upkeep_.store.remove(from));
        ++report_.put_back;
        --report_.taken_away;
        report_.bytes -= change.size;
      }
    }
    return {};
  }

  const Upkeep& upkeep_;
  const std::filesystem::path plan_;
  const ChangePlanHeader header_;
  std::optional<References> references_;
  WallTime now_{};
  std::string id_;
  std::mutex mutex_;
  ApplyReport report_;  // guarded by mutex_ while chunks are worked on
};

}  // namespace

Result<ApplyReport> apply_plan(const Upkeep& upkeep, const std::filesystem::path& plan,
                               std::uint64_t random) {
  ATHANOR_ASSIGN(const ChangePlanSummary summary, read_plan_summary(plan));
  if (summary.header.store_url != upkeep.store.url()) {
    return make_error(ErrorKind::invalid, "the plan is for the store " + summary.header.store_url +
                                              ", not for " + upkeep.store.url());
  }
  if (summary.totals.changes == 0) {
    return ApplyReport{};
  }
  return Application(upkeep, plan, summary.header).run(random);
}

}  // namespace athanor::coordinator
