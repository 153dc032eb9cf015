#include "worker/solve/install_order.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace athanor::worker::solve {
namespace {

class Order {
 public:
  Order(Matcher& matcher, std::vector<RecordId> chosen)
      : matcher_(matcher),
        chosen_(std::move(chosen)) {
    std::sort(chosen_.begin(), chosen_.end());  // ids ascend with names
    for (const RecordId id : chosen_) {
      by_name_[matcher_.index().record(id).name] = id;
    }
  }

  std::vector<RecordId> run() {
    for (const RecordId id : chosen_) {
      visit(id);
    }
    return std::move(ordered_);
  }

 private:
  // Depth first without recursion: a chain of dependencies may be as long as the environment.
  void visit(RecordId start) {
    std::vector<std::pair<RecordId, std::size_t>> path;
    enter(start, path);
    while (!path.empty()) {
      const RecordId id = path.back().first;
      const std::span<const TextId> depends = matcher_.index().depends(id);
      if (path.back().second == depends.size()) {
        ordered_.push_back(id);
        path.pop_back();
        continue;
      }
      const TextId name = matcher_.dependency(depends[path.back().second++]).name;
      if (const auto needed = by_name_.find(name); needed != by_name_.end()) {
        enter(needed->second, path);
      }
    }
  }

  void enter(RecordId id, std::vector<std::pair<RecordId, std::size_t>>& path) {
    if (std::exchange(seen_[id], true)) {
      return;
    }
    path.emplace_back(id, 0);
  }

  Matcher& matcher_;
  std::vector<RecordId> chosen_;
  std::unordered_map<TextId, RecordId> by_name_;
  std::unordered_map<RecordId, bool> seen_;
  std::vector<RecordId> ordered_;
};

}  // namespace

std::vector<RecordId> install_order(Matcher& matcher, std::vector<RecordId> chosen) {
  return Order(matcher, std::move(chosen)).run();
}

}  // namespace athanor::worker::solve
