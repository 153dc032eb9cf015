#include "coordinator/upkeep/copy.hpp"

#include "coordinator/plan/parallel.hpp"
#include "coordinator/upkeep/descriptions.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "coordinator/upkeep/key_set.hpp"
#include "shared/base/limits.hpp"
#include "shared/digest/digest.hpp"
#include "shared/os/fd.hpp"
#include "shared/os/files.hpp"
#include "shared/os/temp_dir.hpp"

#include <fcntl.h>

#include <mutex>
#include <utility>
#include <vector>

namespace athanor::coordinator {
namespace {

constexpr std::size_t k_chunk = 64;
constexpr std::uint64_t k_alias_bytes = 64 * 1024;

enum class Copied { yes, had, vanished, broken, taken };

class StoreCopy {
 public:
  StoreCopy(const Upkeep& from, Store& to, const CopyOptions& options, const CopyTalk& talk)
      : from_(from),
        to_(to),
        options_(options),
        talk_(talk) {}

  Result<CopyReport> run() {
    ATHANOR_TRY(look_at_target());
    ATHANOR_TRY(copy_packages());
    copied_.seal();
    ATHANOR_TRY(copy_environments());
    described_.seal();
    ATHANOR_TRY(copy_aliases());
    return report_;
  }

 private:
  struct Package {
    ObjectInfo info;
    ArtifactKey parts;
  };

  Result<void> look_at_target() {
    std::uint64_t listed = 0;
    ATHANOR_TRY(to_.list(
        from_.layout.packages_root() + "/",
        [&](const ObjectInfo& info) -> Result<void> {
          if (const auto parts = from_.layout.parse_artifact_key(info.key)) {
            present_.add(identity(info));
            slots_.add(slot_of(from_.layout, *parts));
          }
          from_.tell({.doing = "listing the target", .objects = ++listed});
          return {};
        },
        from_.stop));
    present_.seal();
    slots_.seal();
    return {};
  }

  static std::string identity(const ObjectInfo& info) {
    return info.key + "\n" + std::to_string(info.size);
  }

  void fail(std::uint64_t& counter, const std::string& key, const std::string& why, bool harmful) {
    ++counter;
    report_.harmful = report_.harmful || harmful;
    talk_("not copied: '" + printable_key(key) + "': " + why);
  }

  Result<void> copy_packages() {
    std::vector<Package> chunk;
    ATHANOR_TRY(from_.store.list(
        "",
        [&](const ObjectInfo& info) -> Result<void> {
          ClassifiedKey classified = classify_key(from_.layout, info.key);
          if (classified.kind != KeyKind::package) {
            report_.skipped += classified.kind == KeyKind::misplaced ||
                                       classified.kind == KeyKind::foreign ||
                                       classified.kind == KeyKind::own
                                   ? 1U
                                   : 0U;
            return {};
          }
          if (present_.contains(identity(info))) {
            ++report_.packages_had;
            copied_.add(info.key);
            return {};
          }
          if (secret_in_key(info.key)) {
            fail(report_.packages_failed, info.key, "its key shows a secret", true);
            return {};
          }
          const std::string slot = slot_of(from_.layout, *classified.package);
          if (slots_.contains(slot) || slot == last_slot_) {
            fail(report_.packages_failed, info.key,
                 "the slot holds another object in the target, which stays", true);
            return {};
          }
          last_slot_ = slot;
          chunk.push_back({.info = info, .parts = std::move(*classified.package)});
          return chunk.size() < k_chunk ? Result<void>() : copy_chunk(chunk);
        },
        from_.stop));
    return copy_chunk(chunk);
  }

  Result<void> copy_chunk(std::vector<Package>& chunk) {
    ATHANOR_TRY(for_each_in_parallel(
        chunk.size(), options_.parallel,
        [&](std::size_t i) -> Result<void> {
          ATHANOR_ASSIGN(const Copied copied,
                         options_.dry_run ? Result<Copied>(Copied::yes) : copy_package(chunk[i]));
          const std::lock_guard lock(mutex_);
          count(copied, chunk[i].info);
          return {};
        },
        from_.stop));
    chunk.clear();
    return {};
  }

  void count(Copied copied, const ObjectInfo& info) {
    switch (copied) {
      case Copied::yes:
        ++report_.packages_copied;
        report_.bytes += info.size;
        copied_.add(info.key);
        break;
      case Copied::had:
        ++report_.packages_had;
        copied_.add(info.key);
        break;
      case Copied::vanished:
        break;
      case Copied::broken:
        fail(report_.packages_failed, info.key, "its bytes are not those of its key", true);
        break;
      case Copied::taken:
        fail(report_.packages_failed, info.key, "another object appeared in its place", true);
        break;
    }
    from_.tell({.doing = "copying",
                .objects = report_.packages_copied + report_.packages_had,
                .bytes = report_.bytes});
  }

  Result<Copied> copy_package(const Package& package) {
    ATHANOR_ASSIGN(const TempDir scratch, TempDir::create("athanor-copy-"));
    const auto path = scratch.path() / "object";
    DigestHasher hasher;
    {
      ATHANOR_ASSIGN(const Fd file, open_file(path, O_WRONLY | O_CREAT | O_EXCL));
      ATHANOR_ASSIGN(const bool there,
                     from_.store.get(
                         package.info.key, {},
                         [&](std::span<const std::uint8_t> bytes) -> Result<void> {
                           hasher.update(bytes);
                           return write_all(file, bytes, path);
                         },
                         from_.stop));
      if (!there) {
        return Copied::vanished;
      }
    }
    const Digest digest = hasher.finish();
    const std::string hash =
        package.parts.type == PackageType::conda ? digest.md5.hex() : digest.sha256.hex();
    if (hash != package.parts.hash) {
      return Copied::broken;
    }
    ATHANOR_ASSIGN(
        const PutOutcome put,
        to_.put_if_absent(package.info.key,
                          ObjectSource::from_file(path, digest, SourceFile::given), from_.stop));
    if (put == PutOutcome::created) {
      return Copied::yes;
    }
    ATHANOR_ASSIGN(const auto there, to_.find(package.info.key));
    return there && there->size == digest.size ? Copied::had : Copied::taken;
  }

  Result<void> copy_environments() {
    return for_each_description(from_, {}, [this](StoredDescription stored) -> Result<void> {
      if (!stored.environment) {
        fail(report_.environments_failed, stored.key, "it can't be read: " + stored.problem, false);
        return {};
      }
      for (const DescribedPackage& package : stored.environment->packages) {
        for (const CachedFormat& format : package.formats) {
          if (!format.key.empty() && !copied_.contains(format.key)) {
            fail(report_.environments_failed, stored.key,
                 "it names '" + printable_key(format.key) + "', which the target lacks", false);
            return {};
          }
        }
      }
      ATHANOR_TRY(copy_document(stored.key, limits::k_small_document_bytes,
                                report_.environments_copied, report_.environments_had));
      const auto parts = from_.layout.parse_environment_key(stored.key);
      described_.add(parts->req_id + "/" + parts->full_id);
      return {};
    });
  }

  Result<void> copy_document(const std::string& key, std::uint64_t most, std::uint64_t& copied,
                             std::uint64_t& had) {
    if (options_.dry_run) {
      ATHANOR_ASSIGN(const auto there, to_.find(key));
      ++(there ? had : copied);
      return {};
    }
    ATHANOR_ASSIGN(auto text, read_object(from_.store, key, most));
    if (!text) {
      return {};  // gone since it was listed
    }
    ATHANOR_ASSIGN(const PutOutcome put,
                   to_.put_if_absent(key, ObjectSource::from_bytes(std::move(*text)), from_.stop));
    ++(put == PutOutcome::created ? copied : had);
    return {};
  }

  Result<void> copy_aliases() {
    return from_.store.list(
        from_.layout.environments_root() + "/aliases/",
        [this](const ObjectInfo& info) -> Result<void> {
          return classify_key(from_.layout, info.key).kind == KeyKind::alias ? copy_alias(info.key)
                                                                             : Result<void>();
        },
        from_.stop);
  }

  Result<void> copy_alias(const std::string& key) {
    ATHANOR_ASSIGN(const auto text, read_object(from_.store, key, k_alias_bytes));
    if (!text) {
      return {};
    }
    const auto target = read_alias(*text);
    if (!target || !described_.contains(target->req_id + "/" + target->full_id)) {
      fail(report_.aliases_failed, key, "it leads to nothing that the target has", false);
      return {};
    }
    ATHANOR_ASSIGN(const auto there, to_.find(key));
    if (!there) {
      return copy_document(key, k_alias_bytes, report_.aliases_copied, report_.aliases_had);
    }
    ATHANOR_ASSIGN(const auto theirs, read_object(to_, key, k_alias_bytes));
    if (theirs == text) {
      ++report_.aliases_had;
      return {};
    }
    const std::string tag = key.substr(key.rfind('/') + 1);
    if (!options_.update_aliases || !Layout::is_mutable_alias("any:" + tag)) {
      fail(report_.aliases_failed, key, "it leads elsewhere in the target, and stays", false);
      return {};
    }
    if (!options_.dry_run) {
      ATHANOR_ASSIGN(const PutOutcome put,
                     to_.put(key, ObjectSource::from_bytes(*text), there->version_tag));
      if (put == PutOutcome::exists) {
        fail(report_.aliases_failed, key, "somebody moved it at this moment", false);
        return {};
      }
    }
    ++report_.aliases_copied;
    return {};
  }

  const Upkeep& from_;
  Store& to_;
  const CopyOptions& options_;
  const CopyTalk& talk_;
  KeySet present_;  // of the target: keys with their sizes
  KeySet slots_;    // of the target
  KeySet copied_;   // package keys that the target has now
  KeySet described_;
  std::string last_slot_;
  std::mutex mutex_;
  CopyReport report_;  // guarded by mutex_ while packages are copied
};

}  // namespace

Result<CopyReport> copy_store(const Upkeep& from, Store& to, const CopyOptions& options,
                              const CopyTalk& talk) {
  return StoreCopy(from, to, options, talk).run();
}

}  // namespace athanor::coordinator
