#include "coordinator/intake/intake.hpp"

#include "coordinator/intake/formats.hpp"
#include "coordinator/intake/manifest.hpp"
#include "coordinator/intake/references.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"

#include <algorithm>
#include <set>
#include <unordered_set>

namespace athanor::coordinator {
namespace {

// Nobody writes a manifest of this size by hand.
constexpr std::uint64_t k_manifest_bytes = 4_MiB;

// What the filters have met, to tell a person that a name is wrong.
struct Seen {
  std::set<std::string> platforms;
  std::set<std::string> environments;
};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whether the filters keep the environment.
bool is_wanted(const EnvironmentRequest& environment, const IntakeOptions& options) {
  return (options.platforms.empty() || contains(options.platforms, environment.platform) ||
          contains(options.platforms, environment.platform_label)) &&
         (options.environments.empty() || contains(options.environments, environment.name));
}

// A filter that nothing answers to is a typing mistake, not an empty request.
Result<void> check_filter(const std::vector<std::string>& wanted, const std::set<std::string>& seen,
                          std::string_view what) {
  const std::vector<std::string> known(seen.begin(), seen.end());
  for (const std::string& name : wanted) {
    if (seen.count(name) > 0) {
      continue;
    }
    const auto near = closest(name, known);
    return make_error(
        ErrorKind::invalid,
        "no input has the " + std::string(what) + " '" + printable(name, 80) + "'",
        near ? "did you mean " + *near + "?" : "known: " + printable(join(known, ", "), 400));
  }
  return {};
}

// A group of which one member is left was, as far as this request goes, resolved alone. For an
// input that was published before, that changes its id, which is worth a word.
void dissolve_single_groups(IntakeResult& result) {
  std::map<std::string, std::size_t> members;
  for (const EnvironmentRequest& environment : result.environments) {
    ++members[environment.coresolve_group];
  }
  for (EnvironmentRequest& environment : result.environments) {
    if (environment.coresolve_group.empty() || members[environment.coresolve_group] > 1) {
      continue;
    }
    environment.coresolve_group.clear();
    if (environment.requirement_origin == RequirementOrigin::given && environment.resolved_on) {
      result.warnings.push_back(
          printable(environment.position.file, 300) + ": environment '" +
          printable(environment.name, 80) + "' for " + environment.platform +
          " was resolved together with other platforms that are not among the inputs; its id "
          "will be that of this platform alone");
    }
  }
}

// Finds what was asked for, once for each environment of one input.
class RequirementFinder {
 public:
  RequirementFinder(const IntakeOptions& options, const Manifest* given)
      : options_(options),
        given_(given) {}

  // Reads the manifests that the input names. One that isn't there or can't be read is passed over:
  // the lock file is what was handed in, and nobody vouches for what it names.
  void open_manifests(const std::string& folder, const std::vector<std::string>& names) {
    if (given_ != nullptr || folder.empty()) {
      return;
    }
    for (const std::string& name : names) {
      if (name.empty() || name.front() == '/' || !has_manifest_name(name)) {
        complete_ = false;
        continue;
      }
      auto text = read_regular_file(folder + "/" + name, k_manifest_bytes);
      if (!text) {
        complete_ = false;
        continue;
      }
      text->folder.clear();  // What a lock names may not name further files.
      auto manifest = parse_manifest(std::move(*text));
      if (!manifest) {
        complete_ = false;
        continue;
      }
      manifests_.push_back(std::move(*manifest));
    }
  }

  // Every source of a conda-lock.yml must be read, while of pixi's candidates one is enough.
  void one_is_enough() { complete_ = !manifests_.empty(); }

  Result<void> fill(EnvironmentRequest& environment) const {
    if (environment.requirement_origin == RequirementOrigin::given) {
      return {};
    }
    const RequirementScope scope{.environment = environment.name,
                                 .platform = environment.platform,
                                 .platform_label = environment.platform_label};
    if (given_ != nullptr) {
      auto found = given_->requirements(scope);
      if (!found) {
        return make_error(ErrorKind::invalid,
                          "'" + printable(options_.requirements_file, 300) +
                              "' knows no environment '" + printable(environment.name, 80) + "'",
                          "choose environments with --environment");
      }
      take(std::move(*found), RequirementOrigin::given, environment);
      return {};
    }
    std::optional<Requirements> merged;
    for (const auto& manifest : manifests_) {
      if (auto found = complete_ ? manifest->requirements(scope) : std::nullopt) {
        merge(std::move(*found), merged);
      }
    }
    if (merged) {
      take(std::move(*merged), RequirementOrigin::manifest, environment);
    } else {
      environment.requirements.deps = exact_deps(environment.packages);
    }
    return {};
  }

 private:
  static bool has_manifest_name(std::string_view name) {
    return name.ends_with(".yml") || name.ends_with(".yaml") || name.ends_with(".toml") ||
           name.ends_with(".txt");
  }

  static void merge(Requirements from, std::optional<Requirements>& into) {
    if (!into) {
      into = std::move(from);
      return;
    }
    const auto append = [](const SpecsByCategory& specs, SpecsByCategory& known) {
      for (const auto& [category, values] : specs) {
        for (const std::string& value : values) {
          if (!contains(known[category], value)) {
            known[category].push_back(value);
          }
        }
      }
    };
    append(from.deps, into->deps);
    append(from.sources, into->sources);
    append(from.extras, into->extras);
  }

  // Channels that the manifest doesn't name are those of the lock.
  static void take(Requirements found, RequirementOrigin origin, EnvironmentRequest& environment) {
    for (auto& [category, sources] : environment.requirements.sources) {
      if (found.sources[category].empty()) {
        found.sources[category] = std::move(sources);
      }
    }
    environment.requirements = std::move(found);
    environment.requirement_origin = origin;
  }

  const IntakeOptions& options_;
  const Manifest* given_;
  std::vector<std::unique_ptr<Manifest>> manifests_;
  bool complete_ = true;
};

// Collects all inputs.
class Collector {
 public:
  Collector(const IntakeOptions& options, const Manifest* given)
      : options_(options),
        given_(given) {}

  Result<void> add(InputText text) {
    const std::string name = text.name;
    const std::string folder = text.folder;
    ATHANOR_ASSIGN(ReadInput input, read_any_input(std::move(text), options_));
    RequirementFinder finder(options_, given_);
    finder.open_manifests(folder, input.manifests);
    if (contains(input.manifests, "pixi.toml")) {
      finder.one_is_enough();
    }
    for (EnvironmentRequest& environment : input.environments) {
      seen_.platforms.insert(environment.platform);
      seen_.platforms.insert(environment.platform_label);
      seen_.environments.insert(environment.name);
      if (!is_wanted(environment, options_)) {
        continue;
      }
      ATHANOR_TRY(finder.fill(environment));
      warn_if_not_whole(environment, name);
      result_.environments.push_back(std::move(environment));
    }
    append(std::move(input.loose_packages), result_.loose_packages);
    append(std::move(input.loose_skipped), result_.loose_skipped);
    append(std::move(input.warnings), result_.warnings);
    return {};
  }

  Result<IntakeResult> finish() {
    ATHANOR_TRY(check_filter(options_.environments, seen_.environments, "environment"));
    if (!seen_.environments.empty()) {
      ATHANOR_TRY(check_filter(options_.platforms, seen_.platforms, "platform"));
    }
    dissolve_single_groups(result_);
    return std::move(result_);
  }

 private:
  template <typename T>
  static void append(std::vector<T> from, std::vector<T>& into) {
    into.insert(into.end(), std::make_move_iterator(from.begin()),
                std::make_move_iterator(from.end()));
  }

  void warn_if_not_whole(const EnvironmentRequest& environment, const std::string& name) {
    if (environment.is_whole()) {
      return;
    }
    result_.warnings.push_back(
        printable(name, 300) + ": environment '" + printable(environment.name, 80) + "' for " +
        printable(environment.platform_label, 80) +
        " has packages that can't be cached (built from sources, local, or a repository's "
        "revision), so its description won't be published; the others will be cached");
  }

  const IntakeOptions& options_;
  const Manifest* given_;
  Seen seen_;
  IntakeResult result_;
};

Result<std::unique_ptr<Manifest>> open_given(const IntakeOptions& options) {
  if (options.requirements_file.empty()) {
    return std::unique_ptr<Manifest>();
  }
  ATHANOR_ASSIGN(InputText text, read_input_file(options.requirements_file, k_manifest_bytes));
  return parse_manifest(std::move(text));
}

}  // namespace

Result<IntakeResult> read_inputs(std::span<const std::string> inputs,
                                 const IntakeOptions& options) {
  ATHANOR_ASSIGN(const std::unique_ptr<Manifest> given, open_given(options));
  Collector collector(options, given.get());
  std::unordered_set<std::string> names;
  for (const std::string& name : inputs) {
    // The shell may well give a file twice.
    if (!names.insert(name).second) {
      continue;
    }
    ATHANOR_ASSIGN(InputText text, read_input_file(name, limits::k_input_file_bytes));
    ATHANOR_TRY(collector.add(std::move(text)));
  }
  auto result = collector.finish();
  if (result && given != nullptr) {
    for (std::string& warning : given->warnings()) {
      result->warnings.push_back(std::move(warning));
    }
  }
  return result;
}

Result<IntakeResult> read_input_text(std::string_view name, std::string_view text,
                                     const IntakeOptions& options) {
  ATHANOR_ASSIGN(const std::unique_ptr<Manifest> given, open_given(options));
  Collector collector(options, given.get());
  ATHANOR_TRY(
      collector.add(InputText{.name = std::string(name), .text = std::string(text), .folder = {}}));
  return collector.finish();
}

}  // namespace athanor::coordinator
