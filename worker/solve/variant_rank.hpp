#pragma once

#include "worker/solve/matcher.hpp"

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

namespace athanor::worker::solve {

// Orders builds that a plain solver can't tell apart: same name, version, features, build number
// and priority, but other dependencies (python 3.9 or 3.10, cuda 11 or 12). As conda's solvers do
// it, the build whose dependencies allow the higher versions is preferred; then the newer one.
// Remembers what it worked out. Not thread-safe; the matcher must outlive it.
class VariantRank {
 public:
  explicit VariantRank(Matcher& matcher)
      : matcher_(matcher) {}

  // Greater is preferred; comparable only within one such group. The comparison by dependencies
  // isn't transitive, so a build's score is how many of its group it beats, less how many beat it.
  std::uint32_t score(RecordId id);

 private:
  // What a build's specs on one name allow at best.
  struct Best {
    TextId version = k_no_text;       // highest version; k_no_text: nothing fulfils them
    bool all_track_features = false;  // a build that drags features in is unwanted
  };

  void rank_group(RecordId id);
  int compare(RecordId a, RecordId b);
  Best best_for(RecordId id, TextId name);
  int compare_versions(TextId a, TextId b);

  Matcher& matcher_;
  std::unordered_map<RecordId, std::uint32_t> scores_;
  std::map<std::vector<TextId>, Best> best_;  // by the specs on one name, sorted
};

}  // namespace athanor::worker::solve
