#include "coordinator/check/inspector.hpp"

#include "coordinator/plan/parallel.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace athanor::coordinator {
namespace {

constexpr unsigned k_parallel_reads = 16;
constexpr std::size_t k_kept_reasons = 50;

}  // namespace

Inspector::Inspector(Store& store, const Layout& layout, std::stop_token stop)
    : store_(store),
      layout_(layout),
      stop_(std::move(stop)) {}

void Inspector::add_reason(EnvironmentCheck& check, std::string reason) {
  if (check.reasons.size() < k_kept_reasons) {
    check.reasons.push_back(std::move(reason));
  } else {
    ++check.more_reasons;
  }
}

Result<void> Inspector::survey(std::span<const SourceUrl* const> sources) {
  std::vector<const SourceUrl*> unknown;
  for (const SourceUrl* source : sources) {
    if (surveyed_.insert(layout_.source_prefix(*source)).second) {
      unknown.push_back(source);
    }
  }
  ATHANOR_ASSIGN(Survey found, survey_store(store_, layout_, unknown, stop_));
  survey_.merge(found);
  return {};
}

const SurveyedSource* Inspector::find(const SourceUrl& source) const {
  const auto found = survey_.find(layout_.source_prefix(source));
  return found == survey_.end() ? nullptr : &found->second;
}

Result<std::vector<Inspector::Described>> Inspector::read(std::span<const CheckTarget> targets) {
  std::mutex mutex;
  std::vector<Described> all;
  ATHANOR_TRY(for_each_in_parallel(
      targets.size(), k_parallel_reads,
      [&](std::size_t i) -> Result<void> {
        const CheckTarget& target = targets[i];
        ATHANOR_ASSIGN(const auto text,
                       read_object(store_, target.key, limits::k_small_document_bytes));
        if (!text) {
          add_reason(*target.check,
                     "it is not described: '" + printable(target.key) + "' is not in the store");
          return {};
        }
        Result<EnvironmentDescription> description =
            read_description(*text, target.check->platform);
        if (!description) {
          add_reason(*target.check, "its description '" + printable(target.key) +
                                        "' can't be read: " + description.error().message);
          return {};
        }
        Described described{
            .check = target.check, .description = std::move(description).value(), .sources = {}};
        for (const DescribedPackage& package : described.description.packages) {
          Result<SourceUrl> source = SourceUrl::parse(package.url, package.type);
          described.sources.push_back(source ? std::optional(std::move(source).value())
                                             : std::nullopt);
        }
        const std::lock_guard lock(mutex);
        all.push_back(std::move(described));
        return {};
      },
      stop_));
  return all;
}

// Packages that were built from a folder or a repository have no URL that names a file: nothing to
// list, but their objects can be looked for.
Result<void> Inspector::find_unlisted(const std::vector<Described>& described) {
  std::vector<std::string> keys;
  for (const Described& environment : described) {
    for (std::size_t i = 0; i < environment.sources.size(); ++i) {
      if (environment.sources[i]) {
        continue;
      }
      for (const CachedFormat& format : environment.description.packages[i].formats) {
        if (!format.key.empty() && single_objects_.emplace(format.key, false).second) {
          keys.push_back(format.key);
        }
      }
    }
  }
  std::mutex mutex;
  return for_each_in_parallel(
      keys.size(), k_parallel_reads,
      [&](std::size_t i) -> Result<void> {
        if (!layout_.parse_artifact_key(keys[i])) {
          return {};  // Not a key of this layout: a reader doesn't get anything there either.
        }
        ATHANOR_ASSIGN(const auto object, store_.find(keys[i]));
        const std::lock_guard lock(mutex);
        single_objects_[keys[i]] = object && object->size > 0;
        return {};
      },
      stop_);
}

Result<void> Inspector::inspect(std::span<const CheckTarget> targets) {
  ATHANOR_ASSIGN(const std::vector<Described> described, read(targets));
  std::vector<const SourceUrl*> sources;
  for (const Described& environment : described) {
    for (const auto& source : environment.sources) {
      if (source) {
        sources.push_back(&*source);
      }
    }
  }
  ATHANOR_TRY(survey(sources));
  ATHANOR_TRY(find_unlisted(described));
  std::ranges::for_each(described, [this](const Described& d) { judge(d); });
  return {};
}

void Inspector::judge(const Described& described) const {
  described.check->packages = described.description.packages.size();
  static const SurveyedSource k_nothing;
  for (std::size_t i = 0; i < described.sources.size(); ++i) {
    const DescribedPackage& package = described.description.packages[i];
    const SurveyedSource* surveyed = nullptr;
    if (described.sources[i]) {
      surveyed = find(*described.sources[i]);
      surveyed = surveyed == nullptr ? &k_nothing : surveyed;
    }
    judge_package(*described.check, package, surveyed);
  }
}

// `surveyed` is null if the source can't be listed.
void Inspector::judge_package(EnvironmentCheck& check, const DescribedPackage& package,
                              const SurveyedSource* surveyed) const {
  const std::string name = printable(package.filename, 200);
  for (const std::string& conflict :
       surveyed == nullptr ? std::vector<std::string>() : surveyed->conflicts) {
    add_reason(check, name + ": " + conflict);
  }
  bool named = false;
  for (const CachedFormat& format : package.formats) {
    const StoredFormat* stored = nullptr;
    if (surveyed != nullptr) {
      const auto found = std::ranges::find(surveyed->formats, format.format, &StoredFormat::format);
      stored = found == surveyed->formats.end() ? nullptr : &*found;
    }
    // Readers compare what a listing shows with what the description says, and give up.
    if (stored != nullptr && stored->hash != format.hash) {
      add_reason(check, name + ": inconsistent cache information: the description says " +
                            format.hash + " for " + std::string(extension(format.format)) +
                            ", the store holds " + stored->hash);
      named = true;
      continue;
    }
    if (format.key.empty()) {
      continue;
    }
    named = true;
    const auto single = single_objects_.find(format.key);
    const bool there = surveyed != nullptr ? stored != nullptr && stored->key == format.key
                                           : single != single_objects_.end() && single->second;
    if (!there) {
      add_reason(check, name + ": '" + printable(format.key) + "' is not in the store");
    }
  }
  if (!named) {
    add_reason(check, name + ": the description names no object for it");
  }
}

}  // namespace athanor::coordinator
