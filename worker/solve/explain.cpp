#include "worker/solve/explain.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace athanor::worker::solve {
namespace {

constexpr std::size_t k_lines = 20;

// "foo 1.0, 1.1 or 1.2": packages of one name as one phrase.
std::string phrase(const std::string& name, const std::set<std::string>& versions) {
  std::string text = name + " ";
  std::size_t shown = 0;
  for (const std::string& version : versions) {
    if (shown == 4) {
      return text + " (" + std::to_string(versions.size()) + " versions)";
    }
    text += shown == 0 ? "" : ", ";
    text += version;
    ++shown;
  }
  return text;
}

// Statements that differ only in the package's version are one line.
class Story {
 public:
  void add(const VirtualPackage& subject, std::string statement) {
    auto& versions = lines_[{subject.name, std::move(statement)}];
    versions.insert(subject.version);
  }
  void add_root(const std::string& line) { roots_.insert(line); }

  std::string text(std::string head) const {
    std::size_t count = 0;
    for (const std::string& root : roots_) {
      head += "\n  - " + root;
    }
    for (const auto& [key, versions] : lines_) {
      if (++count > k_lines) {
        return head + "\n  - and more";
      }
      head += "\n  - " + phrase(key.first, versions) + " " + key.second;
    }
    return head;
  }

 private:
  std::set<std::string> roots_;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> lines_;
};

}  // namespace

std::string explain_contradiction(const SatContradiction& contradiction, const SatLabels& labels) {
  Story story;
  for (const SatConflict& conflict : contradiction) {
    switch (conflict.kind) {
      case SatConflict::Kind::root_without_candidates:
        story.add_root("'" + labels.requirements[conflict.requirement] +
                       "' was asked for, and nothing fulfils it");
        break;
      case SatConflict::Kind::root:
        story.add_root("'" + labels.requirements[conflict.requirement] + "' was asked for");
        break;
      case SatConflict::Kind::requirement:
        story.add(labels.items[conflict.item],
                  "needs '" + labels.requirements[conflict.requirement] + "'");
        break;
      case SatConflict::Kind::requirement_impossible:
        story.add(
            labels.items[conflict.item],
            "needs '" + labels.requirements[conflict.requirement] + "', which nothing fulfils");
        break;
      case SatConflict::Kind::exclusion:
        story.add(labels.items[conflict.item], "doesn't go with " +
                                                   labels.items[conflict.other].name + " " +
                                                   labels.items[conflict.other].version);
        break;
      case SatConflict::Kind::same_name:
        break;  // that a package can be there only once needs no saying
    }
  }
  return story.text("these requirements contradict each other:");
}

std::string explain_no_candidates(const NoCandidates& none) {
  if (none.reasons.size() == 1) {
    return none.reasons.front();
  }
  std::string text = "nothing of '" + none.name + "' can be installed:";
  for (const std::string& reason : none.reasons) {
    text += "\n  - " + reason;
  }
  return text;
}

}  // namespace athanor::worker::solve
