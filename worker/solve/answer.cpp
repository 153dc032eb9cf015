#include "worker/solve/answer.hpp"

#include "shared/base/version.hpp"

#include <chrono>
#include <utility>

namespace athanor::worker::solve {
namespace {

std::string spec_of(const LockedPackage& package) {
  return package.name + " ==" + package.version +
         (package.build.empty() ? std::string() : " " + package.build);
}

Result<SolveProblem> problem_of(EnvironmentSolver& solver, const SolveRequest& request) {
  SolveProblem problem;
  problem.specs = request.specs;
  problem.virtual_packages = request.virtual_packages;
  problem.rank_variants = request.rank_variants;
  problem.candidates.channel_priority = request.channel_priority;
  problem.candidates.exclude_newer = request.exclude_newer;
  problem.candidates.python_brings_pip = request.python_brings_pip;
  problem.candidates.prune = request.prune;
  for (const std::string& pin : request.pins) {
    ATHANOR_ASSIGN(MatchSpec spec, MatchSpec::parse(pin));
    if (!spec.name_is_exact()) {
      return make_error(ErrorKind::invalid, "the pin '" + pin + "' must name one package");
    }
    problem.candidates.pins.push_back(std::move(spec));
  }
  for (const LockedPackage& package : request.locked) {
    const std::string text = spec_of(package);
    ATHANOR_ASSIGN(const MatchSpec spec, MatchSpec::parse(text));
    if (package.hold == LockHold::keep) {
      problem.specs.push_back(text);
    } else {
      const std::vector<RecordId> records = solver.matcher().matching(spec);
      problem.favored.insert(problem.favored.end(), records.begin(), records.end());
    }
  }
  return problem;
}

SolvedPackage solved(const PackageIndex& index, RecordId id) {
  PackageRecord record = index.package(id);
  SolvedPackage package;
  package.url = std::move(record.url);
  package.name = std::move(record.name);
  package.version = std::move(record.version);
  package.build = std::move(record.build);
  package.build_number = record.build_number;
  package.channel = std::move(record.channel);
  package.subdir = std::move(record.subdir);
  package.digest = record.digest;
  package.depends = std::move(record.depends);
  package.constrains = std::move(record.constrains);
  package.noarch = std::move(record.noarch);
  package.timestamp = record.timestamp;
  if (const std::optional<PackageRecord> twin = index.twin(id)) {
    package.twin = PackageTwin{.url = twin->url, .digest = twin->digest};
  }
  return package;
}

Error given_up(const SolveRequest& request, const std::stop_token& stop) {
  if (stop.stop_requested()) {
    return make_error(ErrorKind::canceled, "asked to stop");
  }
  return make_error(ErrorKind::rejected,
                    "the solve took longer than its limit of " +
                        std::to_string(request.time_limit.count()) + " ms",
                    "ask for narrower versions, or raise the limit");
}

}  // namespace

Result<SolveSuccess> answer(EnvironmentSolver& solver, const SolveRequest& request,
                            const Clock& clock, std::stop_token stop) {
  const TimePoint begin = clock.now();
  const TimePoint deadline = begin + request.time_limit;
  ATHANOR_ASSIGN(SolveProblem problem, problem_of(solver, request));
  problem.give_up = [&] { return stop.stop_requested() || clock.now() >= deadline; };
  Result<Solution> solution = solver.solve(problem);
  if (!solution) {
    return solution.error().kind == ErrorKind::canceled ? given_up(request, stop)
                                                        : std::move(solution).error();
  }
  const PackageIndex& index = solver.index();
  SolveSuccess success;
  for (const RecordId id : solution->records) {
    success.packages.push_back(solved(index, id));
  }
  success.solve_key = std::move(solution->solve_key);
  for (const TextId name : solution->reach) {
    success.reach.push_back(index.text(name));
  }
  success.solver = "athanor " + std::string(version()) + ", " + std::string(sat_solver_name());
  success.warnings.assign(index.notes().begin(), index.notes().end());
  success.solve_microseconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(clock.now() - begin).count());
  return success;
}

}  // namespace athanor::worker::solve
