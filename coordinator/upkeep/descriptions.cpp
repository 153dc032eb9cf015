#include "coordinator/upkeep/descriptions.hpp"

#include "coordinator/plan/parallel.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "shared/base/limits.hpp"
#include "shared/conda/source_url.hpp"

#include <utility>
#include <vector>

namespace athanor::coordinator {
namespace {

constexpr unsigned k_parallel_reads = 16;
constexpr std::size_t k_held = 32;  // parsed descriptions in memory

Result<std::optional<StoredDescription>> read_one(const Upkeep& upkeep, const std::string& key) {
  ATHANOR_ASSIGN(const auto text, read_object(upkeep.store, key, limits::k_small_document_bytes));
  if (!text) {
    return std::optional<StoredDescription>();  // gone since it was listed
  }
  StoredDescription stored{.key = key};
  const auto parts = upkeep.layout.parse_environment_key(key);
  auto environment = read_description(*text, parts ? parts->platform : std::string());
  if (environment) {
    stored.environment = std::move(environment).value();
  } else {
    stored.problem = environment.error().message;
  }
  return std::optional(std::move(stored));
}

Result<void> visit_chunk(const Upkeep& upkeep, std::vector<std::string>& keys,
                         const std::function<Result<void>(StoredDescription)>& visit) {
  std::vector<std::optional<StoredDescription>> read(keys.size());
  ATHANOR_TRY(for_each_in_parallel(
      keys.size(), k_parallel_reads,
      [&](std::size_t i) -> Result<void> {
        ATHANOR_ASSIGN(read[i], read_one(upkeep, keys[i]));
        return {};
      },
      upkeep.stop));
  keys.clear();
  for (auto& description : read) {
    if (description) {
      ATHANOR_TRY(visit(std::move(*description)));
    }
  }
  return {};
}

std::string identity(const ObjectInfo& info) {
  return info.key + "\n" + info.version_tag;
}

}  // namespace

std::string source_folder(const Layout& layout, const ArtifactKey& package) {
  return layout.packages_root() + "/" + std::string(to_string(package.type)) + "/" +
         package.source + "/";
}

Result<void> for_each_description(const Upkeep& upkeep,
                                  const std::function<bool(const ObjectInfo&)>& wanted,
                                  const std::function<Result<void>(StoredDescription)>& visit) {
  std::vector<std::string> keys;
  std::uint64_t listed = 0;
  ATHANOR_TRY(upkeep.store.list(
      upkeep.layout.environments_root() + "/",
      [&](const ObjectInfo& info) -> Result<void> {
        if (!upkeep.layout.parse_environment_key(info.key) || (wanted && !wanted(info))) {
          return {};
        }
        keys.push_back(info.key);
        upkeep.tell({.doing = "reading descriptions", .objects = ++listed});
        return keys.size() < k_held ? Result<void>() : visit_chunk(upkeep, keys, visit);
      },
      upkeep.stop));
  return visit_chunk(upkeep, keys, visit);
}

Result<References> References::collect(const Upkeep& upkeep) {
  References references;
  ATHANOR_TRY(references.collect_new(upkeep));
  return references;
}

Result<void> References::collect_new(const Upkeep& upkeep) {
  KeySet seen;
  ATHANOR_TRY(for_each_description(
      upkeep,
      [&](const ObjectInfo& info) {
        seen.add(identity(info));
        return !seen_.contains(identity(info));
      },
      [&](StoredDescription stored) -> Result<void> {
        if (stored.environment) {
          add(upkeep, *stored.environment);
        } else if (!unreadable_) {
          unreadable_ = make_error(
              ErrorKind::rejected,
              "the description '" + printable_key(stored.key) +
                  "' can't be read, so nobody knows which packages it needs: " + stored.problem,
              "`athanor store verify` shows all of them, `athanor store repair` takes them away");
        }
        return {};
      }));
  seen.seal();
  seen_ = std::move(seen);
  environments_ = seen_.size();
  keys_.seal();
  sources_.seal();
  return {};
}

Result<void> References::check_all_readable() const {
  return unreadable_ ? Result<void>(*unreadable_) : Result<void>();
}

void References::add(const Upkeep& upkeep, const EnvironmentDescription& environment) {
  for (const DescribedPackage& package : environment.packages) {
    if (const auto source = SourceUrl::parse(package.url, package.type)) {
      sources_.add(upkeep.layout.source_prefix(*source));
    }
    for (const CachedFormat& format : package.formats) {
      if (format.key.empty()) {
        continue;
      }
      keys_.add(format.key);
      if (const auto parts = upkeep.layout.parse_artifact_key(format.key)) {
        sources_.add(source_folder(upkeep.layout, *parts));
      }
    }
  }
}

bool References::uses_source_of(const Layout& layout, const ArtifactKey& package) const {
  return sources_.contains(source_folder(layout, package));
}

}  // namespace athanor::coordinator
