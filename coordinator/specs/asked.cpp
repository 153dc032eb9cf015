#include "coordinator/specs/asked.hpp"

#include "coordinator/intake/references.hpp"
#include "coordinator/specs/pylock.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/conda/match_spec.hpp"

#include <algorithm>
#include <filesystem>

namespace athanor::coordinator {
namespace {

// Nobody writes a manifest of this size by hand.
constexpr std::uint64_t k_manifest_bytes = 4_MiB;
constexpr std::string_view k_command_line = "the command line";

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void add_once(std::vector<std::string>& names, std::string name) {
  if (!contains(names, name)) {
    names.push_back(std::move(name));
  }
}

// "pypi::requests>=2" → {"pypi", "requests>=2"}; categories are the ids' own.
std::pair<std::string_view, std::string_view> split_category(std::string_view spec) {
  for (const std::string_view category : {"pypi", "sys"}) {
    if (spec.starts_with(category) && spec.substr(category.size()).starts_with("::")) {
      return {category, spec.substr(category.size() + 2)};
    }
  }
  return {"conda", spec};
}

bool reads_as_spec(std::string_view text) {
  const auto [category, rest] = split_category(text);
  if (category == "pypi") {
    return spell_pypi_requirement(rest).has_value();
  }
  if (category == "sys") {
    return rest.starts_with("__");
  }
  for (const std::string_view ending : {".yml", ".yaml", ".toml", ".txt", ".lock", ".json"}) {
    if (text.ends_with(ending)) {
      return false;
    }
  }
  return MatchSpec::parse(text).ok();
}

// Puts what the options say into what a manifest says.
class Completer {
 public:
  Completer(const AskOptions& options, const std::string& input)
      : options_(options),
        input_(input) {}

  Result<void> complete(AskedPlatform& asked) const {
    complete_channels(asked.wanted);
    if (asked.wanted.channels.empty()) {
      return make_error(ErrorKind::invalid, printable(input_, 300) + ": no channel is named",
                        "name one with --channel, or in the file");
    }
    complete_indexes(asked.wanted);
    complete_system(asked);
    if (options_.pins == PinMeaning::extension) {
      for (WrittenSpec& spec : asked.wanted.conda) {
        spec.text = without_double_equal(spell_conda_spec(spec.text));
      }
    }
    return {};
  }

 private:
  void complete_channels(Wanted& wanted) const {
    std::vector<std::string> channels = options_.channels;
    for (std::string& channel : wanted.channels) {
      add_once(channels, std::move(channel));
    }
    if (!wanted.only_these_channels) {
      for (const std::string& channel : options_.default_channels) {
        add_once(channels, channel);
      }
    }
    auto& spelled = wanted.requirements.sources["conda"];
    spelled.clear();
    for (const std::string& channel : channels) {
      add_once(spelled, spell_channel(channel));
    }
    wanted.channels = std::move(channels);
  }

  // The index that the reader has configured stands first in ids, if pypi is asked at all.
  void complete_indexes(Wanted& wanted) const {
    const auto deps = wanted.requirements.deps.find("pypi");
    if (deps == wanted.requirements.deps.end() || deps->second.empty()) {
      return;
    }
    std::vector<std::string> spelled = {spell_index(options_.index)};
    for (std::string& index : wanted.requirements.sources["pypi"]) {
      add_once(spelled, std::move(index));
    }
    wanted.requirements.sources["pypi"] = std::move(spelled);
    if (wanted.index.empty()) {
      wanted.index = options_.index;
    }
  }

  void complete_system(AskedPlatform& asked) const {
    auto& known = asked.wanted.requirements.deps["sys"];
    for (const auto& [key, version] : options_.system) {
      const std::size_t slash = key.find('/');
      const std::string name = slash == std::string::npos ? key : key.substr(slash + 1);
      const bool meant = slash == std::string::npos || key.substr(0, slash) == asked.platform;
      const bool said = std::any_of(known.begin(), known.end(), [&](const std::string& spec) {
        return spec.substr(0, spec.find("==")) == name;
      });
      if (meant && !said && !version.empty()) {
        known.push_back(name + "==" + version +
                        (version.find('=') == std::string::npos ? "=0" : ""));
      }
    }
    std::erase_if(asked.wanted.requirements.deps,
                  [](const auto& entry) { return entry.second.empty(); });
    std::erase_if(asked.wanted.requirements.sources,
                  [](const auto& entry) { return entry.second.empty(); });
  }

  const AskOptions& options_;
  const std::string& input_;
};

Result<std::vector<std::string>> platforms_of(const ManifestEnvironment& environment,
                                              const std::string& input, const AskOptions& options) {
  std::vector<std::string> platforms;
  if (options.platforms.empty()) {
    platforms =
        environment.platforms.empty() ? std::vector{options.host_platform} : environment.platforms;
  } else {
    platforms = options.platforms;
  }
  const InputText about{.name = input, .text = {}, .folder = {}};
  std::vector<std::string> known;
  for (const std::string& platform : platforms) {
    ATHANOR_ASSIGN(std::string name, read_platform(about, platform, 0));
    add_once(known, std::move(name));
  }
  return known;
}

std::string stem_of(const std::string& input) {
  const std::string stem = std::filesystem::path(input).stem().string();
  return stem.empty() ? "default" : stem;
}

class Asker {
 public:
  Asker(const AskOptions& options, std::vector<std::string>& warnings)
      : options_(options),
        warnings_(warnings) {}

  // Takes the file if it is a pylock.toml: before all others, because it adds to what they ask.
  Result<void> look_for_lock(const std::string& path) {
    ATHANOR_ASSIGN(InputText text, read_input_file(path, k_manifest_bytes));
    if (!is_pylock(text.text)) {
      return {};
    }
    ATHANOR_TRY(check_text(text));
    if (lock_) {
      return text.error(0, "a second pylock.toml", "hand in one for each environment by itself");
    }
    ATHANOR_ASSIGN(locked_, pylock_requirements(text));
    lock_ = std::move(text);
    return {};
  }

  Result<void> add_file(const std::string& path) {
    ATHANOR_ASSIGN(InputText text, read_input_file(path, k_manifest_bytes));
    if (is_pylock(text.text)) {
      return {};
    }
    std::unique_ptr<Manifest> manifest;
    if (is_settings_file(text.text)) {
      ATHANOR_ASSIGN(SettingsFile settings, read_settings_file(std::move(text)));
      manifest = std::move(settings.manifest);
    } else {
      ATHANOR_ASSIGN(manifest, parse_manifest(std::move(text)));
    }
    for (std::string& warning : manifest->warnings()) {
      warnings_.push_back(std::move(warning));
    }
    return add(*manifest, path);
  }

  Result<void> add_specs(const std::vector<std::string>& specs) {
    AskedEnvironment environment{.name = options_.name.empty() ? "default" : options_.name,
                                 .input = std::string(k_command_line)};
    see(environment.name);
    if (!is_chosen(environment.name)) {
      return {};
    }
    ATHANOR_ASSIGN(const auto platforms, platforms_of({}, environment.input, options_));
    Wanted wanted;
    for (const std::string& spec : specs) {
      const auto [category, text] = split_category(spec);
      const WrittenSpec written{.text = std::string(text),
                                .position = {.file = environment.input, .line = 0}};
      if (category == "pypi") {
        wanted.requirements.deps["pypi"].push_back(*spell_pypi_requirement(text));
        wanted.pypi.push_back(written);
      } else {
        wanted.requirements.deps[std::string(category)].push_back(spell_conda_spec(text));
        if (category == "conda") {
          wanted.conda.push_back(written);
        }
      }
    }
    for (const std::string& platform : platforms) {
      AskedPlatform asked{.platform = platform, .wanted = wanted};
      add_lock(asked);
      ATHANOR_TRY(Completer(options_, environment.input).complete(asked));
      environment.platforms.push_back(std::move(asked));
    }
    asked_.push_back(std::move(environment));
    return {};
  }

  Result<void> add(const Manifest& manifest, const std::string& input) {
    for (const ManifestEnvironment& defined : manifest.environments()) {
      AskedEnvironment environment{.name = defined.name.empty() ? stem_of(input) : defined.name,
                                   .input = input,
                                   .aliases = defined.aliases};
      see(environment.name);
      if (!is_chosen(environment.name)) {
        continue;
      }
      ATHANOR_ASSIGN(const auto platforms, platforms_of(defined, input, options_));
      for (const std::string& platform : platforms) {
        auto wanted = manifest.wanted(
            {.environment = defined.name, .platform = platform, .platform_label = platform});
        if (!wanted) {
          return make_error(ErrorKind::invalid, printable(input, 300) + ": environment '" +
                                                    printable(environment.name, 80) +
                                                    "' can't be read for " + platform);
        }
        AskedPlatform asked{.platform = platform, .wanted = std::move(*wanted)};
        add_lock(asked);
        ATHANOR_TRY(Completer(options_, input).complete(asked));
        environment.platforms.push_back(std::move(asked));
      }
      asked_.push_back(std::move(environment));
    }
    return {};
  }

  Result<std::vector<AskedEnvironment>> finish() {
    for (const std::string& name : options_.environments) {
      if (!contains(seen_, name)) {
        const auto near = closest(name, seen_);
        return make_error(
            ErrorKind::invalid, "no input has the environment '" + printable(name, 80) + "'",
            near ? "did you mean " + *near + "?" : "known: " + printable(join(seen_, ", "), 400));
      }
    }
    if (lock_ && asked_.size() != 1) {
      return lock_->error(0,
                          asked_.empty() ? "pypi's packages alone are no environment"
                                         : "the inputs ask for several environments, and this "
                                           "could be any one's",
                          asked_.empty() ? "add what conda brings, python at least: python=3.12"
                                         : "--environment chooses one");
    }
    return std::move(asked_);
  }

 private:
  void add_lock(AskedPlatform& asked) const {
    if (!lock_) {
      return;
    }
    asked.pypi_lock = lock_;
    if (auto& deps = asked.wanted.requirements.deps["pypi"]; deps.empty()) {
      deps = locked_;
    }
  }

  void see(const std::string& name) { add_once(seen_, name); }
  bool is_chosen(const std::string& name) const {
    return options_.environments.empty() || contains(options_.environments, name);
  }

  const AskOptions& options_;
  std::vector<std::string>& warnings_;
  std::vector<std::string> seen_;
  std::vector<AskedEnvironment> asked_;
  std::optional<InputText> lock_;
  std::vector<std::string> locked_;  // what the lock asks for
};

// Whether an existing file says what is wanted.
Result<bool> is_spec_file(const std::string& path) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (failed || size > k_manifest_bytes) {
    return false;  // A folder, a pipe, a lock: intake has the words for it.
  }
  ATHANOR_ASSIGN(const InputText text, read_input_file(path, k_manifest_bytes));
  return is_pylock(text.text) || is_settings_file(text.text) || is_manifest(text.text);
}

}  // namespace

Result<SortedInputs> sort_inputs(std::span<const std::string> inputs) {
  SortedInputs sorted;
  for (const std::string& input : inputs) {
    std::error_code failed;
    if (input == "-") {
      sorted.exact.push_back(input);
    } else if (std::filesystem::exists(input, failed)) {
      ATHANOR_ASSIGN(const bool asks, is_spec_file(input));
      (asks ? sorted.files : sorted.exact).push_back(input);
    } else if (reads_as_spec(input)) {
      sorted.specs.push_back(input);
    } else {
      sorted.exact.push_back(input);  // Reading it says that it isn't there.
    }
  }
  return sorted;
}

Result<std::vector<AskedEnvironment>> read_asked(const SortedInputs& inputs,
                                                 const AskOptions& options,
                                                 std::vector<std::string>& warnings) {
  Asker asker(options, warnings);
  for (const std::string& file : inputs.files) {
    ATHANOR_TRY(asker.look_for_lock(file));
  }
  for (const std::string& file : inputs.files) {
    ATHANOR_TRY(asker.add_file(file));
  }
  if (!inputs.specs.empty()) {
    ATHANOR_TRY(asker.add_specs(inputs.specs));
  }
  return asker.finish();
}

Result<std::vector<AskedEnvironment>> ask_manifest(const Manifest& manifest,
                                                   const std::string& input,
                                                   const AskOptions& options) {
  std::vector<std::string> warnings;
  Asker asker(options, warnings);
  ATHANOR_TRY(asker.add(manifest, input));
  return asker.finish();
}

}  // namespace athanor::coordinator
