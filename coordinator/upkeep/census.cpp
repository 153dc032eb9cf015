#include "coordinator/upkeep/census.hpp"

#include "coordinator/upkeep/descriptions.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "shared/base/units.hpp"

#include <algorithm>
#include <utility>

namespace athanor::coordinator {
namespace {

// Takes objects in the order of their keys: those of one slot, and of one source, follow each
// other.
class Counter {
 public:
  explicit Counter(const Layout& layout)
      : layout_(layout) {}

  void take(const ObjectInfo& info) {
    const ClassifiedKey classified = classify_key(layout_, info.key);
    switch (classified.kind) {
      case KeyKind::package:
        take_package(*classified.package, info.size);
        break;
      case KeyKind::environment:
        census_.environments.add(info.size);
        ++census_.environments_by_platform[layout_.parse_environment_key(info.key)->platform];
        break;
      case KeyKind::alias:
        census_.aliases.add(info.size);
        break;
      case KeyKind::own:
        (info.key.starts_with(".athanor/claims/")  ? census_.claims
         : info.key.starts_with(".athanor/trash/") ? census_.trash
                                                   : census_.other_own)
            .add(info.size);
        break;
      case KeyKind::misplaced:
        census_.misplaced.add(info.size);
        break;
      case KeyKind::foreign:
        census_.foreign.add(info.size);
        break;
    }
  }

  Census finish() {
    end_source();
    return std::move(census_);
  }

 private:
  void take_package(const ArtifactKey& package, std::uint64_t size) {
    census_.packages.add(size);
    census_.by_format[std::string(extension(package.format))].add(size);
    const PackageOrigin origin = origin_of(package);
    census_.by_platform[origin.platform].add(size);
    const bool known = census_.by_channel.contains(origin.channel) ||
                       census_.by_channel.size() < Census::k_channels;
    census_.by_channel[known ? origin.channel : "others"].add(size);
    std::string source = source_folder(layout_, package);
    if (source != source_) {
      end_source();
      source_ = std::move(source);
      ++census_.sources;
    }
    has_conda_ = has_conda_ || package.format == Format::conda;
    has_tar_bz2_ = has_tar_bz2_ || package.format == Format::tar_bz2;
    std::string slot = slot_of(layout_, package);
    if (slot != slot_) {
      slot_ = std::move(slot);
      hashes_in_slot_ = 0;
      ++census_.slots;
    }
    if (++hashes_in_slot_ == 2) {
      ++census_.conflicts;
      if (census_.conflicted_slots.size() < Census::k_kept) {
        census_.conflicted_slots.push_back(slot_);
      }
    }
  }

  void end_source() {
    census_.conda_sources_in_both_formats += has_conda_ && has_tar_bz2_ ? 1U : 0U;
    has_conda_ = false;
    has_tar_bz2_ = false;
  }

  const Layout& layout_;
  Census census_;
  std::string source_;
  std::string slot_;
  std::uint64_t hashes_in_slot_ = 0;
  bool has_conda_ = false;
  bool has_tar_bz2_ = false;
};

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string right(const std::string& text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

std::string row(const std::string& name, const ObjectCount& count) {
  return "  " + padded(name, 40) + right(std::to_string(count.objects), 10) + "  " +
         right(human_size(count.bytes), 10) + "\n";
}

// The largest first.
std::string table(const std::string& title, const std::map<std::string, ObjectCount>& counts) {
  constexpr std::size_t k_rows = 20;
  std::vector<std::pair<std::string, ObjectCount>> rows(counts.begin(), counts.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  std::string text = rows.empty() ? std::string() : title + "\n";
  for (std::size_t i = 0; i < std::min(rows.size(), k_rows); ++i) {
    text += row(printable_key(rows[i].first), rows[i].second);
  }
  if (rows.size() > k_rows) {
    text += "  and " + std::to_string(rows.size() - k_rows) + " more; --json shows all\n";
  }
  return text;
}

Json count_json(const ObjectCount& count) {
  return Json::object({{"objects", count.objects}, {"bytes", count.bytes}});
}

Json counts_json(const std::map<std::string, ObjectCount>& counts) {
  Json::Object members;
  for (const auto& [name, count] : counts) {
    members.push_back({name, count_json(count)});
  }
  return Json::object(std::move(members));
}

}  // namespace

ObjectCount Census::all() const {
  ObjectCount sum;
  for (const ObjectCount& count :
       {packages, environments, aliases, claims, trash, other_own, misplaced, foreign}) {
    sum.objects += count.objects;
    sum.bytes += count.bytes;
  }
  return sum;
}

Result<Census> take_census(const Upkeep& upkeep) {
  Counter counter(upkeep.layout);
  UpkeepProgress progress{.doing = "listing"};
  ATHANOR_TRY(upkeep.store.list(
      "",
      [&](const ObjectInfo& info) -> Result<void> {
        counter.take(info);
        ++progress.objects;
        progress.bytes += info.size;
        upkeep.tell(progress);
        return {};
      },
      upkeep.stop));
  return counter.finish();
}

std::string show_census(const Census& census, const std::string& store_url) {
  const ObjectCount all = census.all();
  std::string text =
      store_url + ": " + std::to_string(all.objects) + " objects, " + human_size(all.bytes) + "\n";
  text += table("packages by format", census.by_format);
  text += table("packages by platform", census.by_platform);
  text += table("packages by channel", census.by_channel);
  text += "in all\n";
  text += row("packages", census.packages);
  text += row("environments", census.environments);
  text += row("aliases", census.aliases);
  for (const auto& [name, count] :
       {std::pair<const char*, const ObjectCount&>{"claims", census.claims},
        {"trash", census.trash},
        {"other objects of Athanor's", census.other_own},
        {"misplaced objects", census.misplaced},
        {"foreign objects", census.foreign}}) {
    text += count.objects == 0 ? std::string() : row(name, count);
  }
  text += std::to_string(census.sources) + " sources, " + std::to_string(census.slots) +
          " slots; " + std::to_string(census.conda_sources_in_both_formats) +
          " sources in both conda formats\n";
  if (census.conflicts > 0) {
    text += std::to_string(census.conflicts) +
            " slots hold more than one hash, and readers refuse them (athanor store repair):\n";
    for (const std::string& slot : census.conflicted_slots) {
      text += "  " + printable_key(slot) + "\n";
    }
  }
  return text;
}

Json census_to_json(const Census& census, const std::string& store_url) {
  Json::Object environments;
  for (const auto& [platform, count] : census.environments_by_platform) {
    environments.push_back({platform, count});
  }
  Json conflicts = Json::array();
  for (const std::string& slot : census.conflicted_slots) {
    conflicts.push_back(printable_key(slot));
  }
  return Json::object({{"schema", 1},
                       {"store", store_url},
                       {"all", count_json(census.all())},
                       {"packages", count_json(census.packages)},
                       {"by_format", counts_json(census.by_format)},
                       {"by_platform", counts_json(census.by_platform)},
                       {"by_channel", counts_json(census.by_channel)},
                       {"sources", census.sources},
                       {"slots", census.slots},
                       {"sources_in_both_formats", census.conda_sources_in_both_formats},
                       {"slot_conflicts", census.conflicts},
                       {"conflicted_slots", std::move(conflicts)},
                       {"environments", count_json(census.environments)},
                       {"environments_by_platform", Json::object(std::move(environments))},
                       {"aliases", count_json(census.aliases)},
                       {"claims", count_json(census.claims)},
                       {"trash", count_json(census.trash)},
                       {"other_own", count_json(census.other_own)},
                       {"misplaced", count_json(census.misplaced)},
                       {"foreign", count_json(census.foreign)}});
}

}  // namespace athanor::coordinator
