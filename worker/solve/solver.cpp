#include "worker/solve/solver.hpp"

#include "shared/base/strings.hpp"
#include "shared/base/version.hpp"
#include "shared/digest/digest.hpp"
#include "worker/solve/explain.hpp"
#include "worker/solve/install_order.hpp"
#include "worker/solve/sat_solver.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

namespace athanor::worker::solve {
namespace {

// Turns what is left of an index into numbers for the SAT solver, and its answer back into records.
class Translation {
 public:
  Translation(Matcher& matcher, VariantRank& rank, const SolveProblem& request,
              const Candidates& candidates, const std::vector<RootSpec>& roots)
      : matcher_(matcher),
        rank_(rank),
        request_(request),
        candidates_(candidates) {
    collect_records();
    add_items();
    add_virtual_packages();
    add_dependencies();
    add_roots(roots);
  }

  const SatProblem& problem() const { return problem_; }

  std::vector<RecordId> records(const SatSolution& solution) const {
    std::vector<RecordId> chosen;
    for (const ItemId item : solution) {
      chosen.push_back(records_[item]);
    }
    return chosen;
  }

  SatLabels labels() const {
    SatLabels labels;
    const PackageIndex& index = matcher_.index();
    for (const RecordId id : records_) {
      const IndexedRecord& record = index.record(id);
      labels.items.push_back({.name = index.text(record.name),
                              .version = index.text(record.version),
                              .build = index.text(record.build)});
    }
    for (const VirtualPackage& package : request_.virtual_packages) {
      labels.items.push_back(
          {.name = package.name, .version = package.version, .build = package.build});
    }
    labels.requirements = requirement_texts_;
    return labels;
  }

 private:
  void collect_records() {
    for (const auto& [name, ids] : candidates_.by_name) {
      records_.insert(records_.end(), ids.begin(), ids.end());
    }
    std::sort(records_.begin(), records_.end());
    for (ItemId item = 0; item < records_.size(); ++item) {
      item_of_[records_[item]] = item;
    }
  }

  // Versions as their place in conda's order: equal versions, however spelled, have one place.
  std::uint32_t version_rank(TextId name, TextId version) {
    std::map<TextId, std::uint32_t>& ranks = version_ranks_[name];
    if (ranks.empty()) {
      std::vector<TextId> versions;
      for (const RecordId id : candidates_.by_name.at(name)) {
        versions.push_back(matcher_.index().record(id).version);
      }
      const auto less = [&](TextId a, TextId b) {
        const std::optional<Version>& left = matcher_.version(a);
        const std::optional<Version>& right = matcher_.version(b);
        return left && right ? *left < *right : !left && right;
      };
      std::sort(versions.begin(), versions.end(), less);
      std::uint32_t rank = 1;
      for (std::size_t i = 0; i < versions.size(); ++i) {
        rank += i > 0 && less(versions[i - 1], versions[i]) ? 1U : 0U;
        ranks[versions[i]] = rank;
      }
    }
    return ranks.at(version);
  }

  void add_items() {
    const PackageIndex& index = matcher_.index();
    const bool by_channel = request_.candidates.channel_priority != ChannelPriority::disabled;
    for (const RecordId id : records_) {
      const IndexedRecord& record = index.record(id);
      SatItem item;
      item.name = record.name;
      item.priority = by_channel ? index.repo(id).priority : 0;
      item.features = record.features;
      item.version_rank = version_rank(record.name, record.version);
      item.build_number = record.build_number;
      item.variant_score = request_.rank_variants ? rank_.score(id) : 0;
      problem_.items.push_back(std::move(item));
    }
    for (const RecordId id : request_.favored) {
      if (const auto item = item_of_.find(id); item != item_of_.end()) {
        problem_.favored.push_back(item->second);
      }
    }
  }

  void add_virtual_packages() {
    // Names of their own, past those of the index.
    auto name = static_cast<std::uint32_t>(matcher_.index().texts().size());
    for (std::size_t i = 0; i < request_.virtual_packages.size(); ++i) {
      SatItem item;
      item.name = name++;
      item.version_rank = 1;
      item.installed = true;
      problem_.items.push_back(std::move(item));
    }
  }

  ItemId virtual_item(std::size_t i) const { return static_cast<ItemId>(records_.size() + i); }

  void add_dependencies() {
    for (ItemId item = 0; item < records_.size(); ++item) {
      for (const TextId spec :
           matcher_.depends(records_[item], request_.candidates.python_brings_pip)) {
        problem_.items[item].requirements.push_back(requirement(spec));
      }
      for (const TextId spec : matcher_.index().constrains(records_[item])) {
        if (const std::optional<ExclusionId> id = exclusion(spec)) {
          problem_.items[item].exclusions.push_back(*id);
        }
      }
    }
  }

  std::vector<ItemId> fulfilling(const Matcher::Dependency& dependency) const {
    std::vector<ItemId> items;
    for (const RecordId id : dependency.providers) {
      if (const auto item = item_of_.find(id); item != item_of_.end()) {
        items.push_back(item->second);
      }
    }
    for (std::size_t i = 0; i < request_.virtual_packages.size(); ++i) {
      const VirtualPackage& package = request_.virtual_packages[i];
      if (dependency.readable && package.name == dependency.name_text &&
          fulfils(dependency.spec, package)) {
        items.push_back(virtual_item(i));
      }
    }
    return items;
  }

  RequirementId requirement(TextId spec) {
    const auto [entry, fresh] =
        requirements_.try_emplace(spec, static_cast<RequirementId>(problem_.requirements.size()));
    if (fresh) {
      problem_.requirements.push_back(fulfilling(matcher_.dependency(spec)));
      requirement_texts_.push_back(matcher_.index().text(spec));
    }
    return entry->second;
  }

  // Everything of that name that the constraint doesn't allow; absent if that is nothing.
  std::optional<ExclusionId> exclusion(TextId spec) {
    const auto known = exclusions_.find(spec);
    if (known != exclusions_.end()) {
      return known->second;
    }
    const Matcher::Dependency& dependency = matcher_.dependency(spec);
    std::vector<ItemId> allowed = fulfilling(dependency);
    std::sort(allowed.begin(), allowed.end());
    std::vector<ItemId> forbidden;
    if (const auto ids = candidates_.by_name.find(dependency.name);
        ids != candidates_.by_name.end()) {
      for (const RecordId id : ids->second) {
        forbidden.push_back(item_of_.at(id));
      }
    }
    for (std::size_t i = 0; i < request_.virtual_packages.size(); ++i) {
      if (dependency.readable && request_.virtual_packages[i].name == dependency.name_text) {
        forbidden.push_back(virtual_item(i));
      }
    }
    forbidden.erase(
        std::remove_if(
            forbidden.begin(), forbidden.end(),
            [&](ItemId item) { return std::binary_search(allowed.begin(), allowed.end(), item); }),
        forbidden.end());
    std::optional<ExclusionId> id;
    if (!forbidden.empty() && dependency.readable) {
      id = static_cast<ExclusionId>(problem_.exclusions.size());
      problem_.exclusions.push_back(std::move(forbidden));
    }
    exclusions_[spec] = id;
    return id;
  }

  void add_roots(const std::vector<RootSpec>& roots) {
    for (const RootSpec& root : roots) {
      if (root.spec.name().starts_with("__")) {
        continue;  // the platform has it, or there would be no candidates
      }
      std::vector<ItemId> items;
      for (const RecordId id : root.records) {
        if (const auto item = item_of_.find(id); item != item_of_.end()) {
          items.push_back(item->second);
        }
      }
      problem_.roots.push_back(static_cast<RequirementId>(problem_.requirements.size()));
      problem_.requirements.push_back(std::move(items));
      requirement_texts_.push_back(root.spec.canonical());
    }
  }

  Matcher& matcher_;
  VariantRank& rank_;
  const SolveProblem& request_;
  const Candidates& candidates_;
  SatProblem problem_;
  std::vector<RecordId> records_;  // per item, without the virtual ones
  std::unordered_map<RecordId, ItemId> item_of_;
  std::unordered_map<TextId, std::map<TextId, std::uint32_t>> version_ranks_;
  std::unordered_map<TextId, RequirementId> requirements_;
  std::unordered_map<TextId, std::optional<ExclusionId>> exclusions_;
  std::vector<std::string> requirement_texts_;
};

// In the order given, which decides between equally good answers as it does in other solvers; each
// only once.
Result<std::vector<RootSpec>> read_roots(Matcher& matcher, const std::vector<std::string>& specs) {
  std::vector<RootSpec> roots;
  std::set<std::string> seen;
  for (const std::string& text : specs) {
    ATHANOR_ASSIGN(MatchSpec spec, MatchSpec::parse(text));
    if (seen.insert(spec.canonical()).second) {
      std::vector<RecordId> records = matcher.matching(spec);
      roots.push_back({.spec = std::move(spec), .records = std::move(records)});
    }
  }
  return roots;
}

std::string solve_key(const PackageIndex& index, const SolveProblem& request,
                      const std::vector<RootSpec>& roots, const Candidates& candidates) {
  std::string text(version());
  text += sat_solver_name();
  const auto add = [&](std::string_view part) {
    text += part;
    text += '\0';
  };
  for (const RootSpec& root : roots) {
    add(root.spec.canonical());
  }
  for (const VirtualPackage& package : request.virtual_packages) {
    add(package.name + "=" + package.version + "=" + package.build);
  }
  add(std::to_string(static_cast<int>(request.candidates.channel_priority)) +
      (request.candidates.prune ? "p" : "") + (request.rank_variants ? "r" : "") +
      (request.candidates.python_brings_pip ? "i" : ""));
  std::vector<RecordId> alive;
  for (const auto& [name, ids] : candidates.by_name) {
    alive.insert(alive.end(), ids.begin(), ids.end());
  }
  std::sort(alive.begin(), alive.end());
  for (const RecordId id : alive) {
    const IndexedRecord& record = index.record(id);
    add(index.repo(id).channel + "/" + index.repo(id).subdir + " " +
        std::to_string(index.repo(id).priority));
    add(index.text(record.name) + " " + index.text(record.version) + " " +
        index.text(record.build) + " " + std::to_string(record.build_number) + " " +
        std::to_string(record.timestamp) + " " + std::to_string(record.features));
    for (const std::span<const TextId> specs : {index.depends(id), index.constrains(id)}) {
      for (const TextId spec : specs) {
        add(index.texts()[spec]);
      }
      add(";");
    }
  }
  for (const RecordId id : request.favored) {
    add("favor " + index.package(id).url);
  }
  return sha256_of(text).hex();
}

}  // namespace

Result<Solution> EnvironmentSolver::solve(const SolveProblem& request) {
  ATHANOR_ASSIGN(const std::vector<RootSpec> roots, read_roots(matcher_, request.specs));
  const auto found = find_candidates(matcher_, roots, request.virtual_packages, request.candidates);
  if (const NoCandidates* none = std::get_if<NoCandidates>(&found)) {
    return make_error(ErrorKind::invalid, explain_no_candidates(*none));
  }
  const Candidates& candidates = std::get<Candidates>(found);
  const Translation translation(matcher_, rank_, request, candidates, roots);
  const auto answer = solve_sat(translation.problem(), request.give_up);
  if (std::holds_alternative<SatGivenUp>(answer)) {
    return make_error(ErrorKind::canceled, "the search was given up");
  }
  if (const SatContradiction* contradiction = std::get_if<SatContradiction>(&answer)) {
    return make_error(ErrorKind::invalid,
                      explain_contradiction(*contradiction, translation.labels()));
  }
  return Solution{
      .records = install_order(matcher_, translation.records(std::get<SatSolution>(answer))),
      .solve_key = solve_key(matcher_.index(), request, roots, candidates),
      .reach = candidates.names};
}

}  // namespace athanor::worker::solve
