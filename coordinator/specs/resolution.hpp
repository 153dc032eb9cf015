#pragma once

#include "coordinator/intake/request.hpp"
#include "coordinator/specs/asked.hpp"
#include "coordinator/specs/known_environments.hpp"
#include "coordinator/specs/pypi_solver.hpp"
#include "coordinator/specs/questions.hpp"
#include "coordinator/specs/solve_service.hpp"
#include "shared/base/result.hpp"
#include "shared/channels/channel_config.hpp"
#include "shared/json/json.hpp"

#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace athanor::coordinator {

struct ResolveOptions {
  SolveChoices choices = {};
  // Environments of the same requirement that may be used as they are.
  UseLatest use_latest = {};
  // An alias whose packages stay as they are, whatever else is asked for; empty: none.
  std::string base = {};
};

// One platform, with exact packages.
struct ResolvedPlatform {
  EnvironmentRequest request = {};
  // What the solver said; nothing for an environment that was there already.
  std::optional<SolveSuccess> answer = {};
  SolveRequest question = {};
};

struct FailedPlatform {
  std::string platform = {};
  Error error = {};
};

// One environment: all of its platforms, or the reasons why not.
struct ResolvedEnvironment {
  std::string name = {};
  std::string input = {};
  std::string req_id = {};
  std::string reused = {};  // the full id of the environment of the store that is used; else empty
  std::vector<ResolvedPlatform> platforms = {};
  std::vector<FailedPlatform> failures = {};  // not empty: the environment isn't whole

  bool whole() const { return failures.empty() && !platforms.empty(); }
};

struct Resolution {
  std::vector<ResolvedEnvironment> environments = {};

  bool all_whole() const;
  // What can be planned, described and published: of whole environments only.
  std::vector<EnvironmentRequest> requests() const;
};

// Takes what was asked for to exact packages. What the store knows already is used, the rest is
// solved, all platforms of all environments side by side; then pypi requirements, which need to
// know what conda chose. Not thread-safe; blocks.
class Resolver {
 public:
  // All outlive the resolver. `known` may be null: then nothing is looked up, and a base is
  // refused.
  Resolver(const ChannelConfig& channels, SolveService& solver, PypiSolver& pypi,
           KnownEnvironments* known)
      : channels_(channels),
        solver_(solver),
        pypi_(pypi),
        known_(known) {}

  // The outer Error: a spec that can't be read, a store or a service that doesn't answer. That a
  // platform can't be solved stands in the resolution.
  Result<Resolution> resolve(std::vector<AskedEnvironment> asked, const ResolveOptions& options,
                             std::stop_token stop);

 private:
  struct Pending {
    std::size_t environment = 0;  // in the resolution
    const AskedEnvironment* asked = nullptr;
    const AskedPlatform* platform = nullptr;
    SolveRequest question = {};
    std::vector<PackageReference> kept_pypi = {};  // of the base
  };

  Result<void> extend(std::vector<AskedEnvironment>& asked, const std::string& alias);
  Result<bool> reuse(const AskedEnvironment& asked, const UseLatest& whose,
                     ResolvedEnvironment& resolved);
  Result<void> ask(std::vector<Pending>& pending, Resolution& resolution, std::stop_token stop);
  Result<void> take(Pending& pending, Result<SolveSuccess> answer, ResolvedEnvironment& resolved,
                    std::stop_token stop);

  const ChannelConfig& channels_;
  SolveService& solver_;
  PypiSolver& pypi_;
  KnownEnvironments* known_;
  // Of the base, by environment and platform.
  std::vector<std::vector<EnvironmentDescription>> bases_;
};

// For a person: per environment and platform how many packages, or the words of the contradiction;
// with `explain` every package with who asked for it.
enum class Explain { no, yes };
std::string show_resolution(const Resolution& resolution, Explain explain);
// One object, "schema": 1.
Json resolution_to_json(const Resolution& resolution);

}  // namespace athanor::coordinator
