#include "coordinator/specs/resolution.hpp"

#include "coordinator/specs/pylock.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/artifact.hpp"

#include <algorithm>

namespace athanor::coordinator {
namespace {

std::vector<std::string> platforms_of(const AskedEnvironment& asked) {
  std::vector<std::string> platforms;
  for (const AskedPlatform& platform : asked.platforms) {
    platforms.push_back(platform.platform);
  }
  return platforms;
}

std::string req_id_of(const AskedEnvironment& asked) {
  const Requirements all = combined_requirements(asked);
  return requirement_id(all.deps, all.sources, all.extras);
}

// The name in "numpy==>=1.2" and "comet_ml::comet_ml==3.32".
std::string_view bare_name(std::string_view spec) {
  spec = spec.substr(0, spec.find("=="));
  const std::size_t colons = spec.rfind("::");
  return colons == std::string_view::npos ? spec : spec.substr(colons + 2);
}

// What a base asked for stays asked for, unless the new requirement says otherwise.
void extend_specs(const DescribedSpecs& base, SpecsByCategory& specs) {
  for (const auto& [category, values] : base) {
    auto& known = specs[category];
    for (const std::string& value : values) {
      const bool said = std::any_of(known.begin(), known.end(), [&](const std::string& spec) {
        return spec == value || bare_name(spec) == bare_name(value);
      });
      if (!said) {
        known.push_back(value);
      }
    }
  }
}

void extend_sources(const DescribedSpecs& base, SpecsByCategory& sources) {
  for (const auto& [category, values] : base) {
    auto& known = sources[category];
    for (const std::string& value : values) {
      if (std::find(known.begin(), known.end(), value) == known.end()) {
        known.push_back(value);
      }
    }
  }
}

void extend_platform(const EnvironmentDescription& base, AskedPlatform& asked) {
  Requirements& requirements = asked.wanted.requirements;
  extend_specs(base.deps, requirements.deps);
  extend_sources(base.sources, requirements.sources);
  extend_sources(base.extras, requirements.extras);
  if (const auto channels = base.sources.find("conda"); channels != base.sources.end()) {
    for (const std::string& channel : channels->second) {
      auto& known = asked.wanted.channels;
      if (std::find(known.begin(), known.end(), channel) == known.end()) {
        known.push_back(channel);
      }
    }
  }
}

// The base's conda packages, which the solver must keep, and asks for by name so that they stay.
void lock_base(const EnvironmentDescription& base, SolveRequest& question) {
  for (const DescribedPackage& package : base.packages) {
    const auto name = ArtifactName::parse(package.filename);
    if (package.type != PackageType::conda || !name) {
      continue;
    }
    question.locked.push_back({.name = name->name,
                               .version = name->version,
                               .build = name->build,
                               .hold = LockHold::keep});
    question.specs.push_back(name->name);
  }
}

// Python packages that conda installs, for pip not to bring others.
PypiQuestion pypi_question(const AskedPlatform& asked, const SolveRequest& question,
                           const SolveSuccess& answer) {
  PypiQuestion pypi{.asked = &asked};
  for (const SolvedPackage& package : answer.packages) {
    if (package.name == "python") {
      pypi.python_version = package.version;
      continue;
    }
    const bool is_python =
        package.noarch == "python" ||
        std::any_of(package.depends.begin(), package.depends.end(),
                    [](const std::string& spec) { return spec.starts_with("python_abi"); });
    if (is_python) {
      pypi.installed.push_back(package.name + "==" + package.version);
    }
  }
  for (const VirtualPackage& package : question.virtual_packages) {
    if (package.name == "__glibc") {
      pypi.glibc = package.version;
    }
  }
  return pypi;
}

// What the lock holds for the platform and for the python that conda chose.
Result<std::vector<PackageReference>> locked_wheels(const PypiQuestion& question) {
  const InputText& lock = *question.asked->pypi_lock;
  if (question.python_version.empty()) {
    return lock.error(0, "its wheels need a python, and none is among conda's packages",
                      "ask for one: python=3.12");
  }
  ATHANOR_ASSIGN(std::vector<PackageReference> wheels,
                 read_pylock(lock, {.platform = question.asked->platform,
                                    .python_version = question.python_version,
                                    .glibc = question.glibc}));
  wheels.insert(wheels.begin(), question.kept.begin(), question.kept.end());
  return wheels;
}

}  // namespace

bool Resolution::all_whole() const {
  return std::all_of(environments.begin(), environments.end(),
                     [](const ResolvedEnvironment& environment) { return environment.whole(); });
}

std::vector<EnvironmentRequest> Resolution::requests() const {
  std::vector<EnvironmentRequest> all;
  for (const ResolvedEnvironment& environment : environments) {
    if (environment.whole()) {
      for (const ResolvedPlatform& platform : environment.platforms) {
        all.push_back(platform.request);
      }
    }
  }
  return all;
}

Result<void> Resolver::extend(std::vector<AskedEnvironment>& asked, const std::string& alias) {
  bases_.clear();
  if (alias.empty()) {
    return {};
  }
  if (known_ == nullptr) {
    return make_error(ErrorKind::invalid, "an environment can't be extended without a store",
                      "give --store URL");
  }
  for (AskedEnvironment& environment : asked) {
    ATHANOR_ASSIGN(KnownEnvironments::Found base, known_->named(alias, platforms_of(environment)));
    for (std::size_t i = 0; i < environment.platforms.size(); ++i) {
      extend_platform(base.platforms[i], environment.platforms[i]);
    }
    bases_.push_back(std::move(base.platforms));
  }
  return {};
}

Result<bool> Resolver::reuse(const AskedEnvironment& asked, const UseLatest& whose,
                             ResolvedEnvironment& resolved) {
  if (known_ == nullptr || !whose.looks()) {
    return false;
  }
  ATHANOR_ASSIGN(std::optional<KnownEnvironments::Found> found,
                 known_->find(resolved.req_id, platforms_of(asked), whose));
  if (!found) {
    return false;
  }
  std::vector<ResolvedPlatform> platforms;
  for (const EnvironmentDescription& description : found->platforms) {
    ATHANOR_ASSIGN(EnvironmentRequest request, request_of(description, asked));
    platforms.push_back({.request = std::move(request)});
  }
  resolved.platforms = std::move(platforms);
  resolved.reused = std::move(found->full_id);
  return true;
}

Result<Resolution> Resolver::resolve(std::vector<AskedEnvironment> asked,
                                     const ResolveOptions& options, std::stop_token stop) {
  ATHANOR_TRY(extend(asked, options.base));
  Resolution resolution;
  std::vector<Pending> pending;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const AskedEnvironment& environment = asked[i];
    ResolvedEnvironment& resolved = resolution.environments.emplace_back();
    resolved.name = environment.name;
    resolved.input = environment.input;
    resolved.req_id = req_id_of(environment);
    ATHANOR_ASSIGN(const bool reused, reuse(environment, options.use_latest, resolved));
    if (reused) {
      continue;
    }
    for (std::size_t p = 0; p < environment.platforms.size(); ++p) {
      Pending question{
          .environment = i, .asked = &environment, .platform = &environment.platforms[p]};
      ATHANOR_ASSIGN(question.question,
                     make_question(environment.platforms[p], channels_, options.choices));
      if (!bases_.empty()) {
        lock_base(bases_[i][p], question.question);
        ATHANOR_ASSIGN(const EnvironmentRequest base, request_of(bases_[i][p], environment));
        std::copy_if(base.packages.begin(), base.packages.end(),
                     std::back_inserter(question.kept_pypi), [](const PackageReference& package) {
                       return package.source.type() == PackageType::pypi;
                     });
      }
      pending.push_back(std::move(question));
    }
  }
  if (!pending.empty()) {
    ATHANOR_TRY(ask(pending, resolution, std::move(stop)));
  }
  return resolution;
}

Result<void> Resolver::ask(std::vector<Pending>& pending, Resolution& resolution,
                           std::stop_token stop) {
  std::vector<SolveRequest> questions;
  questions.reserve(pending.size());
  for (const Pending& each : pending) {
    questions.push_back(each.question);
  }
  ATHANOR_ASSIGN(std::vector<Result<SolveSuccess>> answers, solver_.solve(questions, stop));
  ATHANOR_CHECK(answers.size() == pending.size());
  for (std::size_t i = 0; i < pending.size(); ++i) {
    ATHANOR_TRY(take(pending[i], std::move(answers[i]),
                     resolution.environments[pending[i].environment], stop));
  }
  return {};
}

Result<void> Resolver::take(Pending& pending, Result<SolveSuccess> answer,
                            ResolvedEnvironment& resolved, std::stop_token stop) {
  const AskedPlatform& asked = *pending.platform;
  const auto fail = [&](Error error) {
    resolved.failures.push_back({.platform = asked.platform, .error = std::move(error)});
  };
  if (!answer) {
    if (answer.error().kind == ErrorKind::canceled) {
      return std::move(answer).error();
    }
    fail(std::move(answer).error());
    return {};
  }
  ATHANOR_ASSIGN(EnvironmentRequest request, make_request(*pending.asked, asked, *answer));
  if (asked.pypi_lock || !asked.wanted.pypi.empty() || !pending.kept_pypi.empty()) {
    PypiQuestion question = pypi_question(asked, pending.question, *answer);
    question.kept = std::move(pending.kept_pypi);
    auto wheels =
        asked.pypi_lock ? locked_wheels(question) : pypi_.solve(question, std::move(stop));
    if (!wheels) {
      if (wheels.error().kind == ErrorKind::canceled) {
        return std::move(wheels).error();
      }
      fail(std::move(wheels).error());
      return {};
    }
    for (PackageReference& wheel : *wheels) {
      request.packages.push_back(std::move(wheel));
    }
  }
  resolved.platforms.push_back({.request = std::move(request),
                                .answer = std::move(*answer),
                                .question = std::move(pending.question)});
  return {};
}

}  // namespace athanor::coordinator
