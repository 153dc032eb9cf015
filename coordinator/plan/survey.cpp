#include "coordinator/plan/survey.hpp"

#include "coordinator/plan/parallel.hpp"
#include "coordinator/plan/source_contents.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace athanor::coordinator {
namespace {

// Round trips wait, so many of them run at a time; a directory answers at the speed of a core.
constexpr unsigned k_parallel_requests = 16;
constexpr unsigned k_parallel_directories = 4;
// What one page of a listing holds on S3, Azure (5,000) and GS at least.
constexpr std::size_t k_page_objects = 1'000;

struct Source {
  const SourceUrl* url = nullptr;
  std::string prefix;
};

// The sources of one channel and subdir, or of one package index.
struct Group {
  std::string prefix;
  std::vector<std::size_t> sources;  // indices
};

// conda channels keep a subdir's packages in one folder; pypi indices spread theirs over hashed
// folders below the host.
std::string group_prefix(const Source& source, const Layout& layout) {
  if (source.url->type() == PackageType::pypi) {
    const std::size_t host = layout.packages_root().size() + std::string_view("/pypi/").size();
    return source.prefix.substr(0, source.prefix.find('/', host) + 1);
  }
  return source.prefix.substr(0, source.prefix.rfind('/', source.prefix.size() - 2) + 1);
}

class Surveyor {
 public:
  Surveyor(Store& store, const Layout& layout, std::span<const SourceUrl* const> urls,
           std::stop_token stop)
      : store_(store),
        stop_(std::move(stop)) {
    sources_.reserve(urls.size());
    for (const SourceUrl* url : urls) {
      sources_.push_back({.url = url, .prefix = layout.source_prefix(*url)});
    }
    if (store_.cheap_lookups()) {
      for (std::size_t i = 0; i < sources_.size(); ++i) {
        single_.push_back(i);
      }
    } else {
      make_groups(layout);
    }
  }

  Result<Survey> run() {
    ATHANOR_TRY(for_each_in_parallel(
        groups_.size(), k_parallel_requests,
        [this](std::size_t i) { return list_group(groups_[i]); }, stop_));
    const bool cheap = store_.cheap_lookups();
    ATHANOR_TRY(for_each_in_parallel(
        single_.size(), cheap ? k_parallel_directories : k_parallel_requests,
        [&](std::size_t i) {
          const Source& source = sources_[single_[i]];
          return cheap ? look_into_folder(source) : list_source(source);
        },
        stop_));
    return std::move(survey_);
  }

 private:
  void make_groups(const Layout& layout) {
    std::unordered_map<std::string, std::size_t> by_prefix;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      std::string prefix = group_prefix(sources_[i], layout);
      const auto [found, is_new] = by_prefix.try_emplace(prefix, groups_.size());
      if (is_new) {
        groups_.push_back({.prefix = std::move(prefix), .sources = {}});
      }
      groups_[found->second].sources.push_back(i);
    }
    // Where all look-ups of a group fit into one round, they take as long as one page.
    std::erase_if(groups_, [this](const Group& group) {
      const bool small = group.sources.size() <= k_parallel_requests;
      if (small) {
        single_.insert(single_.end(), group.sources.begin(), group.sources.end());
      }
      return small;
    });
  }

  // Lists everything under the group's prefix, as long as that is not more work than asking for
  // each source; what is left then is asked for one by one. Keys come in order, so every source
  // that sorts before the last key seen is known.
  Result<void> list_group(const Group& group) {
    std::unordered_map<std::string_view, std::size_t> by_prefix;
    for (const std::size_t i : group.sources) {
      by_prefix.emplace(sources_[i].prefix, i);
    }
    const std::size_t pages = 4 + group.sources.size() / k_parallel_requests;
    std::size_t budget = pages * k_page_objects;
    std::unordered_map<std::size_t, SourceContents> contents;
    std::optional<std::string> stopped_at;
    const Result<void> listed = store_.list(
        group.prefix,
        [&](const ObjectInfo& object) -> Result<void> {
          if (budget-- == 0) {
            stopped_at = object.key;
            return make_error(ErrorKind::canceled, "the listing is longer than the look-ups");
          }
          if (const auto source = owner(by_prefix, group.prefix, object.key)) {
            contents.try_emplace(*source, *sources_[*source].url)
                .first->second.add_object(
                    std::string_view(object.key).substr(sources_[*source].prefix.size()),
                    object.size);
          }
          return {};
        },
        stop_);
    if (!listed && !stopped_at) {
      return listed;
    }
    const std::lock_guard lock(mutex_);
    for (const std::size_t i : group.sources) {
      if (stopped_at && !is_before(sources_[i].prefix, *stopped_at)) {
        single_.push_back(i);
      } else if (const auto found = contents.find(i); found != contents.end()) {
        survey_[sources_[i].prefix] = found->second.finish(sources_[i].prefix);
      }
    }
    return {};
  }

  // Whether every key under the prefix sorts before `key`.
  static bool is_before(std::string_view prefix, std::string_view key) {
    return prefix < key && !key.starts_with(prefix);
  }

  // The source with the longest prefix of the key. It is three segments up for a package object.
  static std::optional<std::size_t> owner(
      const std::unordered_map<std::string_view, std::size_t>& by_prefix,
      std::string_view group_prefix, std::string_view key) {
    for (std::size_t slash = key.rfind('/');
         slash != std::string_view::npos && slash >= group_prefix.size();
         slash = key.rfind('/', slash - 1)) {
      if (const auto found = by_prefix.find(key.substr(0, slash + 1)); found != by_prefix.end()) {
        return found->second;
      }
    }
    return std::nullopt;
  }

  Result<void> list_source(const Source& source) {
    SourceContents contents(*source.url);
    ATHANOR_TRY(store_.list(
        source.prefix,
        [&](const ObjectInfo& object) -> Result<void> {
          contents.add_object(std::string_view(object.key).substr(source.prefix.size()),
                              object.size);
          return {};
        },
        stop_));
    keep(source, contents);
    return {};
  }

  // As the readers do it, folder by folder: only this way are folders without objects seen.
  Result<void> look_into_folder(const Source& source) {
    SourceContents contents(*source.url);
    ATHANOR_ASSIGN(const auto slots, store_.list_folder(source.prefix));
    for (const Store::FolderEntry& slot : slots) {
      if (!slot.is_folder) {
        contents.add_object(slot.name, 0);
        continue;
      }
      if (!contents.is_slot(slot.name)) {
        continue;
      }
      ATHANOR_ASSIGN(const auto hashes, store_.list_folder(source.prefix + slot.name + "/"));
      for (const Store::FolderEntry& hash : hashes) {
        std::string relative = slot.name + "/" + hash.name;
        if (!hash.is_folder) {
          contents.add_object(relative, 0);
          continue;
        }
        contents.add_hash_folder(slot.name, hash.name);
        relative += "/" + slot.name;
        ATHANOR_ASSIGN(const auto object, store_.find(source.prefix + relative));
        if (object) {
          contents.add_object(relative, object->size);
        }
      }
    }
    keep(source, contents);
    return {};
  }

  void keep(const Source& source, const SourceContents& contents) {
    SurveyedSource found = contents.finish(source.prefix);
    if (found.formats.empty() && found.conflicts.empty()) {
      return;
    }
    const std::lock_guard lock(mutex_);
    survey_[source.prefix] = std::move(found);
  }

  Store& store_;
  const std::stop_token stop_;
  std::vector<Source> sources_;
  std::vector<Group> groups_;
  std::mutex mutex_;                 // guards what follows while threads run
  std::vector<std::size_t> single_;  // sources to be asked for one by one
  Survey survey_;
};

}  // namespace

std::vector<const SourceUrl*> distinct_sources(const IntakeResult& intake, const Layout& layout) {
  std::unordered_set<std::string> seen;
  std::vector<const SourceUrl*> sources;
  const auto add = [&](const PackageReference& reference) {
    if (seen.insert(layout.source_prefix(reference.source)).second) {
      sources.push_back(&reference.source);
    }
  };
  for (const EnvironmentRequest& environment : intake.environments) {
    std::ranges::for_each(environment.packages, add);
  }
  std::ranges::for_each(intake.loose_packages, add);
  return sources;
}

Result<Survey> survey_store(Store& store, const Layout& layout,
                            std::span<const SourceUrl* const> sources, std::stop_token stop) {
  return Surveyor(store, layout, sources, std::move(stop)).run();
}

}  // namespace athanor::coordinator
