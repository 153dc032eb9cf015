#include "worker/solve/candidates.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace athanor::worker::solve {
namespace {

constexpr std::size_t k_reasons = 6;  // said of one package; more tell a person nothing new

std::string label(const PackageIndex& index, RecordId id) {
  const IndexedRecord& record = index.record(id);
  return index.text(record.name) + " " + index.text(record.version) + " (" +
         index.text(record.build) + ")";
}

class Search {
 public:
  Search(Matcher& matcher, const std::vector<RootSpec>& roots,
         const std::vector<VirtualPackage>& virtual_packages, const CandidateOptions& options)
      : matcher_(matcher),
        index_(matcher.index()),
        roots_(roots),
        virtual_packages_(virtual_packages),
        options_(options) {}

  std::variant<Candidates, NoCandidates> run() {
    for (const MatchSpec& pin : options_.pins) {
      pinned_.push_back({.name = index_.texts().find(pin.name()),
                         .spec = pin.canonical(),
                         .allowed = matcher_.matching(pin)});
    }
    for (const RootSpec& root : roots_) {
      if (std::optional<NoCandidates> none = restrict(root)) {
        return *std::move(none);
      }
    }
    reach();
    if (options_.prune) {
      while (drop_impossible()) {
        if (lost_) {
          return NoCandidates{.name = index_.text(*lost_), .reasons = reasons_[*lost_]};
        }
      }
      keep_best_builds();
    }
    return std::move(candidates_);
  }

 private:
  bool allowed(RecordId id) const {
    return options_.exclude_newer == 0 || index_.record(id).timestamp <= options_.exclude_newer;
  }

  bool fulfils_pins(TextId name, RecordId id) const {
    return std::all_of(pinned_.begin(), pinned_.end(), [&](const Pinned& pin) {
      return pin.name != name || std::binary_search(pin.allowed.begin(), pin.allowed.end(), id);
    });
  }

  // The records of a name that the channels' priority and the pins leave.
  std::vector<RecordId> records_of(TextId name) const {
    const PackageIndex::Run run = index_.records_of(name);
    int best = std::numeric_limits<int>::min();
    for (RecordId id = run.begin; id < run.end; ++id) {
      best = std::max(best, index_.repo(id).priority);
    }
    std::vector<RecordId> records;
    for (RecordId id = run.begin; id < run.end; ++id) {
      const bool shadowed =
          options_.channel_priority == ChannelPriority::strict && index_.repo(id).priority < best;
      if (!shadowed && allowed(id) && fulfils_pins(name, id)) {
        records.push_back(id);
      }
    }
    return records;
  }

  std::optional<NoCandidates> restrict(const RootSpec& root) {
    if (root.spec.name().starts_with("__")) {
      const bool there =
          std::any_of(virtual_packages_.begin(), virtual_packages_.end(),
                      [&](const VirtualPackage& p) { return fulfils(root.spec, p); });
      return there ? std::nullopt
                   : std::optional(NoCandidates{
                         .name = root.spec.name(),
                         .reasons = {"'" + root.spec.canonical() +
                                     "' was asked for, and the platform doesn't have it"}});
    }
    if (!root.spec.name_is_exact()) {
      return std::nullopt;  // several names: the solver chooses among them
    }
    const TextId name = index_.texts().find(root.spec.name());
    auto [entry, first] = candidates_.by_name.try_emplace(name);
    std::vector<RecordId> before = first ? records_of(name) : std::move(entry->second);
    entry->second.clear();
    std::set_intersection(before.begin(), before.end(), root.records.begin(), root.records.end(),
                          std::back_inserter(entry->second));
    must_.insert(name);
    if (!entry->second.empty()) {
      return std::nullopt;
    }
    return NoCandidates{.name = root.spec.name(), .reasons = {why_no_root(root, before)}};
  }

  std::string pin_words(const RootSpec& root) const {
    const TextId name = index_.texts().find(root.spec.name());
    std::string words;
    for (const Pinned& pin : pinned_) {
      if (pin.name == name) {
        words += " or the pin '" + pin.spec + "'";
      }
    }
    return words;
  }

  std::string why_no_root(const RootSpec& root, const std::vector<RecordId>& before) const {
    const std::string asked = "'" + root.spec.canonical() + "' was asked for, ";
    const PackageIndex::Run run = index_.records_of(index_.texts().find(root.spec.name()));
    if (run.begin == run.end) {
      return asked + "and no channel has a package of that name";
    }
    if (before.empty()) {
      return asked + "and nothing is left of it under the other requirements" + pin_words(root) +
             (options_.exclude_newer != 0 ? " or the date limit" : "");
    }
    std::string text = asked + "and the channels have only ";
    std::set<std::string> versions;
    for (const RecordId id : before) {
      versions.insert(index_.text(index_.record(id).version));
    }
    std::size_t shown = 0;
    for (const std::string& version : versions) {
      text += shown == 0 ? "" : ", ";
      text += version;
      if (++shown == 8 && versions.size() > shown) {
        return text + ", ...";
      }
    }
    return text;
  }

  // Breadth first over names, from the roots: what any candidate may need.
  void reach() {
    std::vector<TextId>& names = candidates_.names;
    for (const auto& entry : candidates_.by_name) {
      names.push_back(entry.first);
    }
    std::sort(names.begin(), names.end(),
              [&](TextId a, TextId b) { return index_.texts()[a] < index_.texts()[b]; });
    for (const RootSpec& root : roots_) {
      if (!root.spec.name_is_exact()) {
        for (const RecordId id : root.records) {
          visit(index_.record(id).name);
        }
      }
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::vector<RecordId> records = candidates_.by_name.at(names[i]);
      for (const RecordId id : records) {
        for (const TextId spec : matcher_.depends(id, options_.python_brings_pip)) {
          visit(matcher_.dependency(spec).name);
        }
      }
    }
  }

  void visit(TextId name) {
    if (name != k_no_text && index_.records_of(name).end != 0 &&
        candidates_.by_name.try_emplace(name).second) {
      candidates_.by_name[name] = records_of(name);
      candidates_.names.push_back(name);
    }
  }

  // Whether something alive fulfils the dependency.
  bool possible(TextId spec) {
    const auto [entry, fresh] = possible_.try_emplace(spec, false);
    if (fresh) {
      const Matcher::Dependency& dependency = matcher_.dependency(spec);
      entry->second = dependency.name_text.starts_with("__")
                          ? virtual_fulfils(dependency)
                          : std::any_of(dependency.providers.begin(), dependency.providers.end(),
                                        [&](RecordId id) {
                                          return candidates_.alive(id, index_.record(id).name);
                                        });
    }
    return entry->second;
  }

  bool virtual_fulfils(const Matcher::Dependency& dependency) const {
    return std::any_of(
        virtual_packages_.begin(), virtual_packages_.end(),
        [&](const VirtualPackage& package) { return fulfils(dependency.spec, package); });
  }

  // Whether the constraint leaves anything of a package that must be there.
  bool tolerable(TextId spec) {
    const Matcher::Dependency& dependency = matcher_.dependency(spec);
    if (!dependency.readable) {
      return true;
    }
    const bool present_virtual = std::any_of(
        virtual_packages_.begin(), virtual_packages_.end(),
        [&](const VirtualPackage& package) { return package.name == dependency.name_text; });
    if (present_virtual) {
      return virtual_fulfils(dependency);
    }
    return !must_.contains(dependency.name) || possible(spec);
  }

  std::optional<std::string> problem(RecordId id) {
    for (const TextId spec : matcher_.depends(id, options_.python_brings_pip)) {
      if (!possible(spec)) {
        return label(index_, id) + " needs '" + index_.text(spec) + "', which nothing can fulfil";
      }
    }
    for (const TextId spec : index_.constrains(id)) {
      if (!tolerable(spec)) {
        return label(index_, id) + " doesn't go with anything but '" + index_.text(spec) + "'";
      }
    }
    return std::nullopt;
  }

  // One pass; true if something was dropped, so that another pass may drop more.
  bool drop_impossible() {
    bool dropped = false;
    possible_.clear();
    for (const TextId name : candidates_.names) {
      std::vector<RecordId>& records = candidates_.by_name[name];
      std::vector<RecordId> kept;
      for (const RecordId id : records) {
        std::optional<std::string> why = problem(id);
        if (!why) {
          kept.push_back(id);
        } else if (reasons_[name].size() < k_reasons) {
          reasons_[name].push_back(*std::move(why));
        }
      }
      const std::size_t before = records.size();
      records = std::move(kept);
      if (records.size() != before) {
        dropped = true;
        if (records.empty() && must_.contains(name)) {
          lost_ = name;
          return true;
        }
      }
    }
    return dropped;
  }

  // Of builds with the same version, dependencies and repo, which no spec in reach tells apart, the
  // one with the highest build number, then the newest, is as good as any other and preferred.
  void keep_best_builds() {
    std::unordered_map<TextId, std::set<TextId>> telling;
    for (const TextId name : candidates_.names) {
      for (const RecordId id : candidates_.by_name[name]) {
        collect_telling(index_.depends(id), telling);
        collect_telling(index_.constrains(id), telling);
      }
    }
    for (const TextId name : candidates_.names) {
      std::vector<RecordId>& records = candidates_.by_name[name];
      std::map<std::vector<std::uint32_t>, RecordId> best;
      for (const RecordId id : records) {
        const auto [entry, fresh] = best.try_emplace(signature(id, telling[name]), id);
        if (!fresh && better_build(id, entry->second)) {
          entry->second = id;
        }
      }
      records.clear();
      for (const auto& entry : best) {
        records.push_back(entry.second);
      }
      std::sort(records.begin(), records.end());
    }
  }

  void collect_telling(std::span<const TextId> specs,
                       std::unordered_map<TextId, std::set<TextId>>& telling) {
    for (const TextId spec : specs) {
      const Matcher::Dependency& dependency = matcher_.dependency(spec);
      if (dependency.names_build) {
        telling[dependency.name].insert(spec);
      }
    }
  }

  std::vector<std::uint32_t> signature(RecordId id, const std::set<TextId>& telling) {
    const IndexedRecord& record = index_.record(id);
    std::vector<std::uint32_t> key = {record.version, record.features, record.repo};
    for (const std::span<const TextId> specs : {index_.depends(id), index_.constrains(id)}) {
      const auto begin = static_cast<std::ptrdiff_t>(key.size());
      key.insert(key.end(), specs.begin(), specs.end());
      std::sort(key.begin() + begin, key.end());
      key.push_back(k_no_text);
    }
    for (const TextId spec : telling) {
      const std::vector<RecordId>& providers = matcher_.dependency(spec).providers;
      key.push_back(std::binary_search(providers.begin(), providers.end(), id) ? 1 : 0);
    }
    return key;
  }

  bool better_build(RecordId a, RecordId b) const {
    const IndexedRecord& left = index_.record(a);
    const IndexedRecord& right = index_.record(b);
    return std::pair(left.build_number, left.timestamp) >
           std::pair(right.build_number, right.timestamp);
  }

  Matcher& matcher_;
  const PackageIndex& index_;
  const std::vector<RootSpec>& roots_;
  const std::vector<VirtualPackage>& virtual_packages_;
  const CandidateOptions& options_;
  struct Pinned {
    TextId name = k_no_text;
    std::string spec;
    std::vector<RecordId> allowed;
  };
  std::vector<Pinned> pinned_;
  Candidates candidates_;
  std::set<TextId> must_;
  std::unordered_map<TextId, bool> possible_;
  std::unordered_map<TextId, std::vector<std::string>> reasons_;
  std::optional<TextId> lost_;
};

}  // namespace

bool Candidates::alive(RecordId id, TextId name) const {
  const auto records = by_name.find(name);
  return records != by_name.end() &&
         std::binary_search(records->second.begin(), records->second.end(), id);
}

std::variant<Candidates, NoCandidates> find_candidates(
    Matcher& matcher, const std::vector<RootSpec>& roots,
    const std::vector<VirtualPackage>& virtual_packages, const CandidateOptions& options) {
  return Search(matcher, roots, virtual_packages, options).run();
}

}  // namespace athanor::worker::solve
