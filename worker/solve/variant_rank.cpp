#include "worker/solve/variant_rank.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace athanor::worker::solve {
namespace {

// Scores are kept positive: the solver compares them as unsigned numbers.
constexpr int k_middle = 1'000'000;

int sign(bool less, bool greater) {
  return less ? -1 : greater ? 1 : 0;
}

}  // namespace

std::uint32_t VariantRank::score(RecordId id) {
  if (!scores_.contains(id)) {
    rank_group(id);
  }
  return scores_.at(id);
}

void VariantRank::rank_group(RecordId id) {
  const PackageIndex& index = matcher_.index();
  const IndexedRecord& first = index.record(id);
  const PackageIndex::Run run = index.records_of(first.name);
  std::vector<RecordId> group;
  for (RecordId other = run.begin; other < run.end; ++other) {
    const IndexedRecord& record = index.record(other);
    if (record.version == first.version && record.features == first.features &&
        record.build_number == first.build_number &&
        index.repo(other).priority == index.repo(id).priority) {
      group.push_back(other);
    }
  }
  std::vector<int> wins(group.size(), 0);
  for (std::size_t i = 0; i < group.size(); ++i) {
    for (std::size_t j = i + 1; j < group.size(); ++j) {
      const int order = compare(group[i], group[j]);
      wins[i] += order;
      wins[j] -= order;
    }
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    scores_[group[i]] = static_cast<std::uint32_t>(k_middle + wins[i]);
  }
}

// Positive: a is preferred.
int VariantRank::compare(RecordId a, RecordId b) {
  const PackageIndex& index = matcher_.index();
  const std::span<const TextId> left = index.depends(a);
  const std::span<const TextId> right = index.depends(b);
  int preference = 0;
  std::set<TextId> compared;
  for (const TextId spec : left) {
    const TextId name = matcher_.dependency(spec).name;
    if (name == k_no_text || std::find(right.begin(), right.end(), spec) != right.end() ||
        !compared.insert(name).second) {
      continue;
    }
    const Best mine = best_for(a, name);
    const Best theirs = best_for(b, name);
    if (mine.version == k_no_text || theirs.version == k_no_text) {
      continue;
    }
    preference += 100 * ((theirs.all_track_features ? 1 : 0) - (mine.all_track_features ? 1 : 0));
    preference += compare_versions(mine.version, theirs.version);
  }
  if (preference == 0) {
    const std::uint64_t mine = index.record(a).timestamp;
    const std::uint64_t theirs = index.record(b).timestamp;
    return sign(mine<theirs, mine> theirs);
  }
  return sign(preference<0, preference> 0);
}

VariantRank::Best VariantRank::best_for(RecordId id, TextId name) {
  const PackageIndex& index = matcher_.index();
  std::vector<TextId> specs;
  for (const TextId spec : index.depends(id)) {
    if (matcher_.dependency(spec).name == name) {
      specs.push_back(spec);
    }
  }
  std::sort(specs.begin(), specs.end());
  if (const auto known = best_.find(specs); known != best_.end()) {
    return known->second;
  }
  Best best;
  if (!specs.empty()) {
    std::vector<RecordId> allowed = matcher_.dependency(specs.front()).providers;
    for (std::size_t i = 1; i < specs.size(); ++i) {
      const std::vector<RecordId>& more = matcher_.dependency(specs[i]).providers;
      std::vector<RecordId> both;
      std::set_intersection(allowed.begin(), allowed.end(), more.begin(), more.end(),
                            std::back_inserter(both));
      allowed = std::move(both);
    }
    best.all_track_features = !allowed.empty();
    for (const RecordId record : allowed) {
      best.all_track_features = best.all_track_features && index.record(record).features > 0;
      const TextId version = index.record(record).version;
      if (best.version == k_no_text || compare_versions(version, best.version) > 0) {
        best.version = version;
      }
    }
  }
  return best_.emplace(std::move(specs), best).first->second;
}

int VariantRank::compare_versions(TextId a, TextId b) {
  if (a == b) {
    return 0;
  }
  const std::optional<Version>& left = matcher_.version(a);
  const std::optional<Version>& right = matcher_.version(b);
  if (!left || !right) {
    return sign(!left && right, left && !right);
  }
  return sign(*left < *right, *right < *left);
}

}  // namespace athanor::worker::solve
