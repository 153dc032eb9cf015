#include "coordinator/upkeep/verify.hpp"

#include "coordinator/plan/parallel.hpp"
#include "coordinator/upkeep/descriptions.hpp"
#include "coordinator/upkeep/key_kind.hpp"
#include "coordinator/upkeep/key_set.hpp"
#include "coordinator/upkeep/object_check.hpp"
#include "coordinator/upkeep/verify_state.hpp"
#include "shared/base/units.hpp"
#include "shared/digest/digest.hpp"
#include "shared/store/object_key.hpp"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace athanor::coordinator {
namespace {

// Objects that are read between two checkpoints.
constexpr std::size_t k_window_objects = 64;
constexpr std::uint64_t k_window_bytes = 512_MiB;
constexpr std::uint64_t k_alias_bytes = 64_KiB;
constexpr std::size_t k_aliases_at_once = 64;
constexpr std::size_t k_slot_objects = 64;  // of one slot that are told of

std::string chosen_objects(const VerifyOptions& options) {
  if (!options.read_objects) {
    return "none";
  }
  if (options.sample_percent >= 100) {
    return "all";
  }
  char text[96];
  std::snprintf(text, sizeof text, "%g%% with seed %llu", options.sample_percent,
                static_cast<unsigned long long>(options.seed));
  return text;
}

class Verification {
 public:
  Verification(const Upkeep& upkeep, const VerifyOptions& options, const FindingSink& sink)
      : upkeep_(upkeep),
        options_(options),
        sink_(sink) {}

  Result<VerifyReport> run() {
    if (options_.state) {
      ATHANOR_ASSIGN(state_, VerifyState::open(*options_.state,
                                               {.store_url = upkeep_.store.url(),
                                                .chosen = chosen_objects(options_)},
                                               [this](const Finding& f) { return pass_on(f); }));
      report_.resumed = !state_->checkpoint().through.empty();
      report_.objects_read = state_->checkpoint().objects_read;
      report_.bytes_read = state_->checkpoint().bytes_read;
      through_ = state_->checkpoint().through;
    }
    if (state_ && state_->finished()) {
      const VerifyTotals& totals = state_->totals();
      report_.objects = totals.objects;
      report_.packages = totals.packages;
      report_.environments = totals.environments;
      report_.aliases = totals.aliases;
      return report_;
    }
    ATHANOR_TRY(upkeep_.store.list(
        "", [this](const ObjectInfo& info) { return take(info); }, upkeep_.stop));
    ATHANOR_TRY(end_slot());
    ATHANOR_TRY(read_window());
    present_.seal();
    ATHANOR_TRY(look_at_environments());
    ATHANOR_TRY(look_at_aliases());
    if (state_) {
      ATHANOR_TRY(state_->finish({.objects = report_.objects,
                                  .packages = report_.packages,
                                  .environments = report_.environments,
                                  .aliases = report_.aliases}));
    }
    return report_;
  }

 private:
  struct Waiting {
    ObjectInfo info;
    ArtifactKey package;
  };

  Result<void> pass_on(const Finding& finding) {
    ++report_.findings[finding.kind];
    const Gravity gravity = gravity_of(finding);
    report_.harmful += gravity == Gravity::harmful ? 1U : 0U;
    report_.lacking += gravity == Gravity::lacking ? 1U : 0U;
    return sink_(finding);
  }

  Result<void> found(Finding finding) {
    if (state_) {
      ATHANOR_TRY(state_->add(finding));
    }
    return pass_on(finding);
  }

  // What an earlier call settled isn't looked at again.
  bool is_settled(const std::string& key) const { return !through_.empty() && key <= through_; }

  Result<void> take(const ObjectInfo& info) {
    const ClassifiedKey classified = classify_key(upkeep_.layout, info.key);
    if (classified.kind == KeyKind::own) {
      return {};
    }
    if (window_.size() >= k_window_objects || window_bytes_ >= k_window_bytes) {
      // Between two slots, so that nothing before a checkpoint is looked at twice.
      if (!classified.package || slot_of(upkeep_.layout, *classified.package) != slot_) {
        ATHANOR_TRY(end_slot());
        ATHANOR_TRY(read_window());
      }
    }
    last_key_ = info.key;
    ++report_.objects;
    upkeep_.tell({.doing = "verifying", .objects = report_.objects, .bytes = report_.bytes_read});
    if (classified.kind == KeyKind::package) {
      ++report_.packages;
      present_.add(info.key);
      ATHANOR_TRY(note_slot(info, *classified.package));
    }
    if (is_settled(info.key)) {
      return {};
    }
    ATHANOR_TRY(judge_key(info, classified));
    if (classified.kind != KeyKind::package || !is_chosen(info.key)) {
      return {};
    }
    window_bytes_ += info.size;
    window_.push_back({.info = info, .package = *classified.package});
    return {};
  }

  Result<void> judge_key(const ObjectInfo& info, const ClassifiedKey& classified) {
    Finding finding{.key = info.key, .size = info.size, .version_tag = info.version_tag};
    if (const auto secret = secret_in_key(info.key)) {
      finding.kind = FindingKind::secret_in_key;
      finding.what = "the key shows " + *secret + ": make it invalid where it was issued";
      ATHANOR_TRY(found(finding));
    }
    if (auto valid = check_object_key(info.key); !valid) {
      finding.kind = FindingKind::foreign;
      finding.what = "no store of Athanor's could hold that key";
      return found(std::move(finding));
    }
    if (classified.kind == KeyKind::misplaced || classified.kind == KeyKind::foreign) {
      finding.kind =
          classified.kind == KeyKind::misplaced ? FindingKind::misplaced : FindingKind::foreign;
      finding.what = classified.why;
      finding.harms_readers = classified.harms_readers;
      return found(std::move(finding));
    }
    return {};
  }

  bool is_chosen(const std::string& key) const {
    if (!options_.read_objects || options_.sample_percent >= 100) {
      return options_.read_objects;
    }
    const Sha256 hash = sha256_of(std::to_string(options_.seed) + "\n" + key);
    const unsigned number =
        unsigned{hash.bytes[0]} << 16U | unsigned{hash.bytes[1]} << 8U | unsigned{hash.bytes[2]};
    return number < options_.sample_percent / 100 * (1U << 24U);
  }

  // Objects of one slot follow each other.
  Result<void> note_slot(const ObjectInfo& info, const ArtifactKey& package) {
    std::string slot = slot_of(upkeep_.layout, package);
    if (slot != slot_) {
      ATHANOR_TRY(end_slot());
      slot_ = std::move(slot);
    }
    ++slot_size_;
    if (in_slot_.size() < k_slot_objects) {
      in_slot_.push_back(info);
    }
    return {};
  }

  Result<void> end_slot() {
    const auto objects = std::exchange(in_slot_, {});
    const std::size_t size = std::exchange(slot_size_, 0);
    if (size < 2) {
      return {};
    }
    for (const ObjectInfo& info : objects) {
      if (is_settled(info.key)) {
        continue;
      }
      ATHANOR_TRY(found(
          {.kind = FindingKind::slot_conflict,
           .key = info.key,
           .what = "its slot holds " + std::to_string(size) + " hashes, and readers refuse it",
           .size = info.size,
           .version_tag = info.version_tag}));
    }
    return {};
  }

  Result<void> read_window() {
    const std::vector<Waiting> window = std::exchange(window_, {});
    window_bytes_ = 0;
    std::vector<ObjectCheck> checks(window.size());
    ATHANOR_TRY(for_each_in_parallel(
        window.size(), options_.parallel_reads,
        [&](std::size_t i) -> Result<void> {
          ATHANOR_ASSIGN(checks[i], check_object(upkeep_.store, window[i].info, window[i].package,
                                                 upkeep_.stop));
          return {};
        },
        upkeep_.stop));
    for (ObjectCheck& check : checks) {
      report_.objects_read += check.there ? 1U : 0U;
      report_.bytes_read += check.bytes_read;
      if (check.finding) {
        ATHANOR_TRY(found(std::move(*check.finding)));
      }
    }
    if (state_ && !window.empty()) {
      ATHANOR_TRY(state_->set_checkpoint({.through = last_key_,
                                          .objects_read = report_.objects_read,
                                          .bytes_read = report_.bytes_read}));
    }
    return {};
  }

  Result<void> look_at_environments() {
    return for_each_description(upkeep_, {}, [this](StoredDescription stored) -> Result<void> {
      ++report_.environments;
      const auto parts = upkeep_.layout.parse_environment_key(stored.key);
      described_.add(parts->req_id + "/" + parts->full_id);
      if (!stored.environment) {
        return found({.kind = FindingKind::unreadable_environment,
                      .key = stored.key,
                      .what = stored.problem});
      }
      for (const DescribedPackage& package : stored.environment->packages) {
        ATHANOR_TRY(look_at_package(stored.key, package));
      }
      return {};
    });
  }

  Result<void> look_at_package(const std::string& environment, const DescribedPackage& package) {
    for (const CachedFormat& format : package.formats) {
      if (format.key.empty() || present_.contains(format.key)) {
        continue;
      }
      ATHANOR_TRY(found({.kind = FindingKind::missing_object,
                         .key = environment,
                         .what = "it names '" + printable_key(format.key) +
                                 "', which isn't there: `athanor run` brings it back"}));
    }
    return {};
  }

  Result<void> look_at_aliases() {
    described_.seal();
    std::vector<ObjectInfo> chunk;
    ATHANOR_TRY(upkeep_.store.list(
        upkeep_.layout.environments_root() + "/aliases/",
        [&](const ObjectInfo& info) -> Result<void> {
          if (classify_key(upkeep_.layout, info.key).kind != KeyKind::alias) {
            return {};
          }
          chunk.push_back(info);
          return chunk.size() < k_aliases_at_once ? Result<void>() : look_at_aliases(chunk);
        },
        upkeep_.stop));
    return look_at_aliases(chunk);
  }

  Result<void> look_at_aliases(std::vector<ObjectInfo>& chunk) {
    std::vector<std::string> problems(chunk.size());
    ATHANOR_TRY(for_each_in_parallel(
        chunk.size(), options_.parallel_reads,
        [&](std::size_t i) -> Result<void> {
          ATHANOR_ASSIGN(const auto text, read_object(upkeep_.store, chunk[i].key, k_alias_bytes));
          if (!text) {
            return {};  // gone since it was listed
          }
          const auto target = read_alias(*text);
          if (!target) {
            problems[i] = target.error().message;
          } else if (!described_.contains(target->req_id + "/" + target->full_id)) {
            problems[i] =
                "no description of " + target->req_id + ":" + target->full_id + " is in the store";
          }
          return {};
        },
        upkeep_.stop));
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      ++report_.aliases;
      if (!problems[i].empty()) {
        ATHANOR_TRY(found({.kind = FindingKind::dangling_alias,
                           .key = chunk[i].key,
                           .what = problems[i],
                           .size = chunk[i].size,
                           .version_tag = chunk[i].version_tag}));
      }
    }
    chunk.clear();
    return {};
  }

  const Upkeep& upkeep_;
  const VerifyOptions& options_;
  const FindingSink& sink_;
  VerifyReport report_;
  std::unique_ptr<VerifyState> state_;
  std::string through_;
  std::vector<Waiting> window_;
  std::uint64_t window_bytes_ = 0;
  std::string last_key_;
  std::string slot_;
  std::vector<ObjectInfo> in_slot_;
  std::size_t slot_size_ = 0;
  KeySet present_;    // package objects
  KeySet described_;  // "<req_id>/<full_id>"
};

}  // namespace

Result<VerifyReport> verify_store(const Upkeep& upkeep, const VerifyOptions& options,
                                  const FindingSink& sink) {
  return Verification(upkeep, options, sink).run();
}

}  // namespace athanor::coordinator
