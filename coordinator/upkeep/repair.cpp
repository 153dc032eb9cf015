#include "coordinator/upkeep/repair.hpp"

#include "coordinator/upkeep/descriptions.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "coordinator/upkeep/object_check.hpp"
#include "shared/base/strings.hpp"
#include "shared/digest/digest.hpp"
#include "shared/store/object_key.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace athanor::coordinator {
namespace {

// Where a plain object belongs that stands in a source's folder or in a slot.
struct Place {
  std::string slot;  // "PKGS/.../<filename>/"
  std::string filename;
  PackageType type = PackageType::conda;
  Format format = Format::conda;
};

std::optional<Place> place_for(const Layout& layout, const std::string& key) {
  const auto parts = split(std::string_view(key).substr(layout.packages_root().size() + 1), '/');
  const auto type = package_type_from_string(parts.front());
  if (!type || parts.size() < 4) {
    return std::nullopt;
  }
  const std::string filename(parts.back());
  const auto format = format_of_filename(filename, *type);
  const auto is_artifact = [&](std::string_view name) {
    return format_of_filename(name, *type).has_value();
  };
  if (!format || !is_artifact(parts[parts.size() - 2])) {
    return std::nullopt;
  }
  const std::string folder = key.substr(0, key.size() - filename.size());
  const bool in_slot = is_artifact(parts[parts.size() - 3]);
  if (in_slot && parts[parts.size() - 2] != filename) {
    return std::nullopt;
  }
  return Place{.slot = in_slot ? folder : folder + filename + "/",
               .filename = filename,
               .type = *type,
               .format = *format};
}

class RepairPlanner {
 public:
  RepairPlanner(const Upkeep& upkeep, const RepairOptions& options, const RepairTalk& talk,
                const References& references)
      : upkeep_(upkeep),
        options_(options),
        talk_(talk),
        references_(references),
        all_readable_(references.check_all_readable().ok()) {}

  Result<void> take(const Finding& finding, ChangePlanWriter& writer) {
    writer_ = &writer;
    if (finding.kind == FindingKind::missing_object) {
      return leave(finding, "");
    }
    if (!check_object_key(finding.key)) {
      return leave(finding, "only the tool that made it can take it away");
    }
    if (!all_readable_ && upkeep_.layout.parse_artifact_key(finding.key)) {
      return leave(finding,
                   "a description can't be read, so nobody knows what it needs: repair again once "
                   "this plan is applied");
    }
    switch (finding.kind) {
      case FindingKind::slot_conflict:
        return settle_slot(finding);
      case FindingKind::altered:
      case FindingKind::truncated:
        return replace(finding);
      case FindingKind::misplaced:
        return place(finding);
      case FindingKind::foreign:
        return options_.take_foreign && is_in_our_folders(finding.key)
                   ? discard_unnamed(finding)
                   : leave(finding,
                           "it harms no reader; --foreign takes it away if it stands "
                           "among packages or environments");
      case FindingKind::unreadable_environment:
        return discard_document(finding);
      case FindingKind::dangling_alias:
        return discard(finding, finding.what);
      case FindingKind::secret_in_key:
        return hide(finding);
      case FindingKind::missing_object:
        break;
    }
    return {};
  }

  std::uint64_t left() const { return left_; }

 private:
  Result<void> leave(const Finding& finding, const std::string& why) {
    ++left_;
    talk_("left: " + show_finding(finding) + (why.empty() ? "" : "; " + why));
    return {};
  }

  Result<void> add(Change change) {
    if (!planned_.insert(change.key).second) {
      return {};
    }
    talk_((change.kind == ChangeKind::move
               ? "move: '" + printable_key(change.key) + "' to '" + printable_key(change.to) + "'"
               : "take away: '" + printable_key(change.key) + "'") +
          ": " + change.why);
    return writer_->add(change);
  }

  Result<void> discard(const Finding& finding, const std::string& why) {
    return add({.key = finding.key,
                .size = finding.size,
                .version_tag = finding.version_tag,
                .to = {},
                .why = why});
  }

  Result<void> discard_unnamed(const Finding& finding) {
    return references_.names(finding.key) ? leave(finding, "a description names it")
                                          : discard(finding, finding.what);
  }

  bool is_in_our_folders(const std::string& key) const {
    return key.starts_with(upkeep_.layout.packages_root() + "/") ||
           key.starts_with(upkeep_.layout.environments_root() + "/");
  }

  // Findings about descriptions know no version: readers have looked at it, not we.
  Result<void> discard_document(const Finding& finding) {
    ATHANOR_ASSIGN(const auto info, upkeep_.store.find(finding.key));
    if (!info) {
      return {};
    }
    return add({.key = finding.key,
                .size = info->size,
                .version_tag = info->version_tag,
                .to = {},
                .why = "readers can't read it: " + finding.what});
  }

  Result<void> settle_slot(const Finding& finding) {
    const std::string slot =
        slot_of(upkeep_.layout, *upkeep_.layout.parse_artifact_key(finding.key));
    if (std::exchange(slot_, slot) == slot) {
      return {};  // another object of the slot that has been settled
    }
    std::vector<ObjectInfo> objects;
    ATHANOR_TRY(upkeep_.store.list(
        slot,
        [&](const ObjectInfo& info) -> Result<void> {
          if (upkeep_.layout.parse_artifact_key(info.key)) {
            objects.push_back(info);
          }
          return {};
        },
        upkeep_.stop));
    const auto named = std::ranges::count_if(
        objects, [&](const ObjectInfo& info) { return references_.names(info.key); });
    if (named > 1) {
      return leave(finding,
                   "descriptions name several of them: publish one of the environments "
                   "again with the other's hash");
    }
    ATHANOR_ASSIGN(const std::string kept, choose(objects, named == 1));
    for (const ObjectInfo& info : objects) {
      if (info.key == kept) {
        continue;
      }
      ATHANOR_TRY(add({.key = info.key,
                       .size = info.size,
                       .version_tag = info.version_tag,
                       .to = {},
                       .why = named == 1 ? "its slot's other object is the one descriptions name"
                                         : "its slot keeps the oldest whole object"}));
    }
    return {};
  }

  // The key of the object that stays; empty if none is whole.
  Result<std::string> choose(std::vector<ObjectInfo>& objects, bool named) {
    if (named) {
      return std::ranges::find_if(
                 objects, [&](const ObjectInfo& info) { return references_.names(info.key); })
          ->key;
    }
    std::stable_sort(objects.begin(), objects.end(), [](const ObjectInfo& a, const ObjectInfo& b) {
      return a.modified < b.modified;
    });
    for (const ObjectInfo& info : objects) {
      ATHANOR_ASSIGN(const ObjectCheck check,
                     check_object(upkeep_.store, info, *upkeep_.layout.parse_artifact_key(info.key),
                                  upkeep_.stop));
      if (check.there && !check.finding) {
        return info.key;
      }
    }
    return std::string();
  }

  Result<void> replace(const Finding& finding) {
    if (!references_.names(finding.key)) {
      return discard(finding, finding.what);
    }
    if (!options_.replace_broken) {
      return leave(finding,
                   "descriptions name it: --replace-broken takes it away, then `athanor run` "
                   "publishes it again");
    }
    return add({.key = finding.key,
                .size = finding.size,
                .version_tag = finding.version_tag,
                .to = {},
                .why = finding.what + "; named by descriptions: run again afterwards",
                .although_named = true});
  }

  Result<void> place(const Finding& finding) {
    if (!finding.harms_readers) {
      return options_.take_foreign ? discard_unnamed(finding)
                                   : leave(finding, "it harms no reader; --foreign takes it away");
    }
    if (references_.names(finding.key)) {
      return leave(finding, "a description names it: publish that environment again");
    }
    const auto place = place_for(upkeep_.layout, finding.key);
    if (!place) {
      return discard(finding, finding.what);
    }
    ATHANOR_ASSIGN(const auto entries, upkeep_.store.list_folder(place->slot));
    if (std::ranges::any_of(entries, &Store::FolderEntry::is_folder)) {
      return discard(finding, finding.what + "; its slot holds an object already");
    }
    DigestHasher hasher;
    ArchiveEnd end(place->format);
    ATHANOR_ASSIGN(const bool there, upkeep_.store.get(
                                         finding.key, {},
                                         [&](std::span<const std::uint8_t> bytes) -> Result<void> {
                                           hasher.update(bytes);
                                           end.feed(bytes);
                                           return {};
                                         },
                                         upkeep_.stop));
    const Digest digest = hasher.finish();
    if (!there || digest.size != finding.size || !end.may_be_whole()) {
      return discard(finding, finding.what + "; it is no whole archive");
    }
    const std::string hash =
        place->type == PackageType::conda ? digest.md5.hex() : digest.sha256.hex();
    return add({.kind = ChangeKind::move,
                .key = finding.key,
                .size = finding.size,
                .version_tag = finding.version_tag,
                .to = place->slot + hash + "/" + place->filename,
                .why = finding.what});
  }

  Result<void> hide(const Finding& finding) {
    const auto package = upkeep_.layout.parse_artifact_key(finding.key);
    if (references_.names(finding.key) ||
        (package && references_.uses_source_of(upkeep_.layout, *package))) {
      return leave(finding,
                   "environments need it: publish them again from URLs without the secret, then "
                   "`athanor store gc`");
    }
    return discard(finding, "its key shows a secret, and no description needs it");
  }

  const Upkeep& upkeep_;
  const RepairOptions& options_;
  const RepairTalk& talk_;
  const References& references_;
  const bool all_readable_;
  ChangePlanWriter* writer_ = nullptr;
  std::string slot_;               // the slot that was settled last
  std::set<std::string> planned_;  // an object may have several findings
  std::uint64_t left_ = 0;
};

}  // namespace

Result<RepairReport> plan_repair(const Upkeep& upkeep, const FindingSource& findings,
                                 const RepairOptions& options, const std::filesystem::path& plan,
                                 const RepairTalk& talk) {
  ATHANOR_ASSIGN(const References references, References::collect(upkeep));
  ATHANOR_ASSIGN(ChangePlanWriter writer,
                 ChangePlanWriter::create(plan, {.purpose = PlanPurpose::repair,
                                                 .store_url = upkeep.store.url(),
                                                 .made = options.now}));
  RepairPlanner planner(upkeep, options, talk, references);
  ATHANOR_TRY(findings([&](const Finding& finding) { return planner.take(finding, writer); }));
  ATHANOR_ASSIGN(const ChangePlanTotals totals, writer.commit());
  return RepairReport{.planned = totals, .left_to_people = planner.left()};
}

}  // namespace athanor::coordinator
