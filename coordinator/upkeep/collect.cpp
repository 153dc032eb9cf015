#include "coordinator/upkeep/collect.hpp"

#include "coordinator/upkeep/descriptions.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/source_url.hpp"

#include <algorithm>
#include <string>

namespace athanor::coordinator {

void KeepList::keep_source(const Layout& layout, const SourceUrl& source) {
  sources_.add(layout.source_prefix(source));
  ++entries_;
}

Result<void> KeepList::add_list(const Layout& layout, std::string_view text,
                                const std::string& name) {
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.front() == '#') {
      continue;
    }
    if (line.find("://") == std::string_view::npos) {
      if (line.ends_with('/')) {
        folders_.emplace_back(line);
      } else {
        keys_.add(line);
      }
      ++entries_;
      continue;
    }
    auto source = SourceUrl::parse(line, PackageType::conda);
    if (!source) {
      source = SourceUrl::parse(line, PackageType::pypi);
    }
    if (!source) {
      return make_error(ErrorKind::invalid,
                        name + ", line " + std::to_string(number) + ": '" +
                            printable(redact_url(line)) + "' is no package's URL",
                        "a line is an object's key, a folder ending in \"/\", or a package's URL");
    }
    keep_source(layout, *source);
  }
  return {};
}

void KeepList::seal() {
  sources_.seal();
  keys_.seal();
}

bool KeepList::keeps(const Layout& layout, std::string_view key, const ArtifactKey& package) const {
  return sources_.contains(source_folder(layout, package)) || keys_.contains(key) ||
         std::ranges::any_of(folders_,
                             [&](const std::string& folder) { return key.starts_with(folder); });
}

Result<CollectReport> plan_collection(const Upkeep& upkeep, const KeepList& keep,
                                      const CollectOptions& options,
                                      const std::filesystem::path& plan) {
  ATHANOR_ASSIGN(const References references, References::collect(upkeep));
  ATHANOR_TRY(references.check_all_readable());
  CollectReport report{.environments = references.environments()};
  if (report.environments == 0 && keep.empty() && !options.although_nothing_is_described) {
    return make_error(ErrorKind::invalid,
                      "the store describes no environment under '" +
                          upkeep.layout.environments_root() + "/', so nothing in it is needed",
                      "check the store's URL and store.environments; "
                      "--although-nothing-is-described plans to take everything away");
  }
  ATHANOR_ASSIGN(ChangePlanWriter writer,
                 ChangePlanWriter::create(plan, {.purpose = PlanPurpose::gc,
                                                 .store_url = upkeep.store.url(),
                                                 .made = options.now,
                                                 .grace = options.grace}));
  UpkeepProgress progress{.doing = "marking"};
  ATHANOR_TRY(upkeep.store.list(
      upkeep.layout.packages_root() + "/",
      [&](const ObjectInfo& info) -> Result<void> {
        ++progress.objects;
        upkeep.tell(progress);
        const auto package = upkeep.layout.parse_artifact_key(info.key);
        if (!package) {
          return {};  // for `repair`, not for us
        }
        ++report.packages;
        if (references.names(info.key) || references.uses_source_of(upkeep.layout, *package)) {
          ++report.needed;
          return {};
        }
        if (keep.keeps(upkeep.layout, info.key, *package)) {
          ++report.listed;
          return {};
        }
        if (!info.modified || options.now - *info.modified < options.grace) {
          ++report.young;
          return {};
        }
        progress.bytes += info.size;
        return writer.add({.kind = ChangeKind::discard,
                           .key = info.key,
                           .size = info.size,
                           .version_tag = info.version_tag,
                           .to = {},
                           .why = "no description needs it"});
      },
      upkeep.stop));
  ATHANOR_ASSIGN(report.unneeded, writer.commit());
  return report;
}

}  // namespace athanor::coordinator
