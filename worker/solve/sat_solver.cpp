#include "worker/solve/sat_solver.hpp"

#include "shared/base/check.hpp"

// Not every header of libsolv declares itself as C.
extern "C" {
#include <solv/pool.h>
#include <solv/poolid.h>
#include <solv/repo.h>
#include <solv/repodata.h>
#include <solv/solvable.h>
#include <solv/solver.h>
#include <solv/solvversion.h>
#include <solv/transaction.h>
}

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace athanor::worker::solve {
namespace {

struct FreePool {
  void operator()(Pool* pool) const { pool_free(pool); }
};
struct FreeSolver {
  void operator()(Solver* solver) const { solver_free(solver); }
};

class IdQueue {
 public:
  IdQueue() { queue_init(&queue_); }
  ~IdQueue() { queue_free(&queue_); }
  IdQueue(const IdQueue&) = delete;
  IdQueue& operator=(const IdQueue&) = delete;

  Queue* get() { return &queue_; }
  int size() const { return queue_.count; }
  Id operator[](int i) const { return queue_.elements[i]; }

 private:
  Queue queue_{};
};

// A pool that holds one problem: an item is a solvable; a requirement is a made-up capability that
// the items which fulfil it provide; an exclusion likewise, as a conflict.
class ProblemPool {
 public:
  ProblemPool(const SatProblem& problem, const GiveUp& give_up)
      : problem_(problem),
        give_up_(give_up),
        pool_(pool_create()) {
    pool_setdisttype(pool_.get(), DISTTYPE_CONDA);
    pool_setdebuglevel(pool_.get(), -1);
    name_capabilities(problem.requirements.size(), 'r', requirement_names_);
    name_capabilities(problem.exclusions.size(), 'x', exclusion_names_);
    add_items();
    pool_createwhatprovides(pool_.get());
  }

  std::variant<SatSolution, SatContradiction, SatGivenUp> solve() {
    IdQueue jobs;
    if (SatContradiction impossible = add_jobs(jobs); !impossible.empty()) {
      return impossible;
    }
    const std::unique_ptr<Solver, FreeSolver> solver(solver_create(pool_.get()));
    solver_set_flag(solver.get(), SOLVER_FLAG_ALLOW_DOWNGRADE, 1);
    solver_set_flag(solver.get(), SOLVER_FLAG_ALLOW_UNINSTALL, 1);
    const std::optional<int> problems = run(*solver, *jobs.get());
    if (!problems) {
      return SatGivenUp{};
    }
    if (*problems != 0) {
      return explain(*solver);
    }
    return chosen(*solver);
  }

 private:
  // libsolv has no limit of its own. What it says while it works out a conflict is the only place
  // where a search can be left: by a jump, over frames of C that own nothing but memory of theirs.
  std::optional<int> run(Solver& solver, Queue& jobs) {
    if (give_up_) {
      pool_setdebugmask(pool_.get(), SOLV_DEBUG_ANALYZE);
      pool_setdebugcallback(pool_.get(), &ProblemPool::on_words, this);
    }
    if (setjmp(left_) != 0) {  // NOLINT(cert-err52-cpp)
      return std::nullopt;
    }
    return solver_solve(&solver, &jobs);
  }

  static void on_words(Pool* /*pool*/, void* self, int /*type*/, const char* /*words*/) {
    auto& pool = *static_cast<ProblemPool*>(self);
    if (++pool.conflict_words_ % 16 == 0 && pool.give_up_()) {
      longjmp(pool.left_, 1);  // NOLINT(cert-err52-cpp)
    }
  }

  void name_capabilities(std::size_t count, char kind, std::vector<Id>& names) {
    names.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      names.push_back(
          pool_str2id(pool_.get(), (std::string(1, kind) + std::to_string(i)).c_str(), 1));
    }
  }

  Repo* repo_of(const SatItem& item) {
    Repo*& repo = repos_[{item.installed, item.priority}];
    if (repo == nullptr) {
      repo = repo_create(pool_.get(), "");
      repo->priority = item.priority;
      repo_add_repodata(repo, 0);
      if (item.installed) {
        pool_set_installed(pool_.get(), repo);
      }
    }
    return repo;
  }

  void add_items() {
    const std::size_t count = problem_.items.size();
    solvables_.reserve(count);
    for (const SatItem& item : problem_.items) {
      const Id id = repo_add_solvable(repo_of(item));
      solvables_.push_back(id);
      items_.resize(static_cast<std::size_t>(id) + 1, 0);
      items_[static_cast<std::size_t>(id)] = static_cast<ItemId>(solvables_.size() - 1);
      describe(item, id);
    }
    provide(problem_.requirements, requirement_names_);
    provide(problem_.exclusions, exclusion_names_);
    for (const auto& [key, repo] : repos_) {
      repodata_internalize(repo_last_repodata(repo));
    }
  }

  void describe(const SatItem& item, Id id) {
    Pool* pool = pool_.get();
    Repo* repo = repo_of(item);
    Repodata* data = repo_last_repodata(repo);
    Solvable* solvable = pool_id2solvable(pool, id);
    solvable->name = pool_str2id(pool, ("n" + std::to_string(item.name)).c_str(), 1);
    solvable->evr = pool_str2id(pool, std::to_string(item.version_rank).c_str(), 1);
    solvable->dep_provides =
        repo_addid_dep(repo, solvable->dep_provides,
                       pool_rel2id(pool, solvable->name, solvable->evr, REL_EQ, 1), 0);
    for (const RequirementId requirement : item.requirements) {
      solvable->dep_requires =
          repo_addid_dep(repo, solvable->dep_requires, requirement_names_[requirement], 0);
    }
    for (const ExclusionId exclusion : item.exclusions) {
      solvable->dep_conflicts =
          repo_addid_dep(repo, solvable->dep_conflicts, exclusion_names_[exclusion], 0);
    }
    // libsolv's order for conda compares this right after the version, part by part as numbers.
    const std::string build =
        std::to_string(item.build_number) + "." + std::to_string(item.variant_score);
    repodata_set_str(data, id, SOLVABLE_BUILDVERSION, build.c_str());
    for (std::uint32_t feature = 0; feature < item.features; ++feature) {
      const std::string name = "f" + std::to_string(feature);
      repodata_add_idarray(data, id, SOLVABLE_TRACK_FEATURES, pool_str2id(pool, name.c_str(), 1));
    }
  }

  void provide(const std::vector<std::vector<ItemId>>& capabilities, const std::vector<Id>& names) {
    for (std::size_t i = 0; i < capabilities.size(); ++i) {
      for (const ItemId item : capabilities[i]) {
        Solvable* solvable = pool_id2solvable(pool_.get(), solvables_[item]);
        solvable->dep_provides =
            repo_addid_dep(solvable->repo, solvable->dep_provides, names[i], 0);
      }
    }
  }

  SatContradiction add_jobs(IdQueue& jobs) {
    SatContradiction impossible;
    for (std::size_t i = 0; i < problem_.items.size(); ++i) {
      if (problem_.items[i].installed) {
        // libsolv may erase what nothing needs; a virtual package is a fact.
        queue_push2(jobs.get(), SOLVER_VERIFY | SOLVER_SOLVABLE, solvables_[i]);
        queue_push2(jobs.get(), SOLVER_LOCK | SOLVER_SOLVABLE, solvables_[i]);
      }
    }
    for (const RequirementId root : problem_.roots) {
      if (problem_.requirements[root].empty()) {
        impossible.push_back({.kind = SatConflict::Kind::root_without_candidates,
                              .item = 0,
                              .other = 0,
                              .requirement = root});
        continue;
      }
      IdQueue candidates;
      for (const ItemId item : problem_.requirements[root]) {
        queue_push(candidates.get(), solvables_[item]);
      }
      job_roots_[jobs.size()] = root;
      queue_push2(jobs.get(), SOLVER_INSTALL | SOLVER_SOLVABLE_ONE_OF,
                  pool_queuetowhatprovides(pool_.get(), candidates.get()));
    }
    for (const ItemId item : problem_.favored) {
      queue_push2(jobs.get(), SOLVER_FAVOR | SOLVER_SOLVABLE, solvables_[item]);
    }
    return impossible;
  }

  SatSolution chosen(Solver& solver) const {
    IdQueue decisions;
    solver_get_decisionqueue(&solver, decisions.get());
    SatSolution solution;
    for (int i = 0; i < decisions.size(); ++i) {
      const Id id = decisions[i];
      if (id > 0 && id != SYSTEMSOLVABLE &&
          !problem_.items[items_[static_cast<std::size_t>(id)]].installed) {
        solution.push_back(items_[static_cast<std::size_t>(id)]);
      }
    }
    std::sort(solution.begin(), solution.end());
    return solution;
  }

  SatContradiction explain(Solver& solver) const {
    SatContradiction contradiction;
    IdQueue rules;
    const auto problems = static_cast<Id>(solver_problem_count(&solver));
    for (Id problem = 1; problem <= problems; ++problem) {
      IdQueue found;
      solver_findallproblemrules(&solver, problem, found.get());
      for (int i = 0; i < found.size(); ++i) {
        queue_pushunique(rules.get(), found[i]);
      }
    }
    for (int i = 0; i < rules.size(); ++i) {
      Id from = 0;
      Id to = 0;
      Id dependency = 0;
      const SolverRuleinfo type = solver_ruleinfo(&solver, rules[i], &from, &to, &dependency);
      add_rule(contradiction, solver, rules[i], type, {from, to, dependency});
    }
    return contradiction;
  }

  struct RuleSides {
    Id from;
    Id to;
    Id dependency;
  };

  void add_rule(SatContradiction& contradiction, Solver& solver, Id rule, SolverRuleinfo type,
                RuleSides sides) const {
    SatConflict conflict;
    conflict.item = item_of(sides.from);
    conflict.other = item_of(sides.to);
    if (type == SOLVER_RULE_JOB) {
      conflict.kind = SatConflict::Kind::root;
      const auto root = job_roots_.find(solver_rule2jobidx(&solver, rule) - 1);
      if (root == job_roots_.end()) {
        return;
      }
      conflict.requirement = root->second;
    } else if (type == SOLVER_RULE_PKG_REQUIRES || type == SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP) {
      conflict.kind = type == SOLVER_RULE_PKG_REQUIRES ? SatConflict::Kind::requirement
                                                       : SatConflict::Kind::requirement_impossible;
      const auto name =
          std::find(requirement_names_.begin(), requirement_names_.end(), sides.dependency);
      ATHANOR_CHECK(name != requirement_names_.end());
      conflict.requirement = static_cast<RequirementId>(name - requirement_names_.begin());
    } else if (type == SOLVER_RULE_PKG_CONFLICTS) {
      conflict.kind = SatConflict::Kind::exclusion;
    } else if (type == SOLVER_RULE_PKG_SAME_NAME) {
      conflict.kind = SatConflict::Kind::same_name;
    } else {
      return;
    }
    contradiction.push_back(conflict);
  }

  ItemId item_of(Id id) const {
    return id > 0 && static_cast<std::size_t>(id) < items_.size()
               ? items_[static_cast<std::size_t>(id)]
               : 0;
  }

  const SatProblem& problem_;
  const GiveUp& give_up_;
  std::jmp_buf left_{};
  std::uint64_t conflict_words_ = 0;
  std::unique_ptr<Pool, FreePool> pool_;
  std::map<std::pair<bool, int>, Repo*> repos_;
  std::vector<Id> solvables_;  // per item
  std::vector<ItemId> items_;  // per solvable
  std::vector<Id> requirement_names_;
  std::vector<Id> exclusion_names_;
  std::map<Id, RequirementId> job_roots_;  // position in the job queue → root
};

}  // namespace

std::variant<SatSolution, SatContradiction, SatGivenUp> solve_sat(const SatProblem& problem,
                                                                  const GiveUp& give_up) {
  return ProblemPool(problem, give_up).solve();
}

std::string_view sat_solver_name() {
  return "libsolv " LIBSOLV_VERSION_STRING;
}

}  // namespace athanor::worker::solve
