#include "coordinator/specs/settings_file.hpp"

#include "coordinator/intake/pypi_lines.hpp"
#include "coordinator/intake/references.hpp"
#include "coordinator/intake/yaml_document.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/strings.hpp"
#include "shared/config/toml.hpp"
#include "shared/json/json.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

namespace athanor::coordinator {
namespace {

constexpr std::uint64_t k_settings_bytes = 4_MiB;
constexpr std::size_t k_overlays = 1'000;

enum class Shape { scalar, map, united_list, replaced_list };

struct Key {
  std::string_view name;
  Shape shape;
};

constexpr std::array<Key, 10> k_keys = {{{"python", Shape::scalar},
                                         {"conda", Shape::map},
                                         {"npconda", Shape::map},
                                         {"pypi", Shape::map},
                                         {"sys", Shape::map},
                                         {"channels", Shape::united_list},
                                         {"pypi-indices", Shape::united_list},
                                         {"extras", Shape::united_list},
                                         {"archs", Shape::replaced_list},
                                         {"aliases", Shape::replaced_list}}};

const Key* find_key(std::string_view name) {
  const auto* const found =
      std::find_if(k_keys.begin(), k_keys.end(), [&](const Key& key) { return key.name == name; });
  return found == k_keys.end() ? nullptr : found;
}

bool is_toml(std::string_view text) {
  for (const std::string_view raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#') {
      continue;
    }
    return line.front() == '[' ||
           (line.find('=') != std::string_view::npos && line.find('=') < line.find(':'));
  }
  return false;
}

// What one file says about one thing.
struct Said {
  std::string text = {};
  InputPosition position = {};
  bool is_null = false;
};

// One file: maps by package, lists in order.
struct Layer {
  std::map<std::string, std::vector<std::pair<std::string, Said>>, std::less<>> maps = {};
  std::map<std::string, std::vector<Said>, std::less<>> lists = {};
  std::map<std::string, Said, std::less<>> scalars = {};
};

class LayerReader {
 public:
  explicit LayerReader(InputText input)
      : input_(std::move(input)) {}

  Result<Layer> read() {
    ATHANOR_TRY(check_text(input_));
    ATHANOR_ASSIGN(const Json document, is_toml(input_.text)
                                            ? config::parse_toml(input_.text, input_.name)
                                            : read_yaml_document(input_));
    const Json::Object* members = document.as_object();
    if (members == nullptr && !document.is_null()) {
      return input_.error(document.line(), "expected keys such as conda, pypi, python, channels");
    }
    for (std::size_t i = 0; members != nullptr && i < members->size(); ++i) {
      ATHANOR_TRY(read_key((*members)[i].key, (*members)[i].value));
    }
    return std::move(layer_);
  }

 private:
  Result<void> read_key(const std::string& name, const Json& value) {
    const Key* key = find_key(name);
    if (key == nullptr) {
      std::vector<std::string> known;
      for (const Key& each : k_keys) {
        known.emplace_back(each.name);
      }
      const auto near = closest(name, known);
      return input_.error(value.line(), "'" + printable(name, 80) + "' is not a key of settings",
                          near ? "did you mean " + *near + "?" : "known: " + join(known, ", "));
    }
    if (key->shape == Shape::map) {
      return read_map(name, value);
    }
    if (key->shape == Shape::scalar) {
      ATHANOR_ASSIGN(layer_.scalars[name], read_text(name, value));
      return {};
    }
    const Json::Array* items = value.as_array();
    if (items == nullptr) {
      return input_.error(value.line(), name + ": expected a list");
    }
    std::vector<Said>& list = layer_.lists[name];
    for (const Json& item : *items) {
      ATHANOR_ASSIGN(Said said, read_text(name, item));
      if (name == "archs") {
        ATHANOR_TRY(read_platform(input_, said.text, said.position.line));
      }
      list.push_back(std::move(said));
    }
    return {};
  }

  Result<void> read_map(const std::string& name, const Json& value) {
    const Json::Object* members = value.as_object();
    if (members == nullptr) {
      return input_.error(value.line(), name +
                                            ": expected packages with their constraints, such "
                                            "as 'numpy: \">=1.21\"'");
    }
    auto& map = layer_.maps[name];
    for (const Json::Member& member : *members) {
      ATHANOR_ASSIGN(Said said, read_text(name + "." + member.key, member.value));
      map.emplace_back(member.key, std::move(said));
    }
    return {};
  }

  Result<Said> read_text(const std::string& name, const Json& value) const {
    Said said{.position = {.file = input_.name, .line = value.line()}};
    if (value.is_null()) {
      said.is_null = true;
      return said;
    }
    const std::string* text = value.as_string();
    if (text == nullptr) {
      const bool number = value.is_number();
      return input_.error(value.line(),
                          name + ": expected a text, found " + std::string(value.type_name()),
                          number ? "put it in quotes: as a number 1.10 would be 1.1" : "");
    }
    said.text = std::string(trim(*text));
    return said;
  }

  InputText input_;
  Layer layer_;
};

std::string without_blanks(std::string_view text) {
  std::string kept;
  std::copy_if(text.begin(), text.end(), std::back_inserter(kept),
               [](char c) { return c != ' ' && c != '\t'; });
  return kept;
}

// Puts layers over each other, weakest first, and makes of them what is wanted.
class Merger {
 public:
  void add(const Layer& layer) {
    for (const auto& [key, said] : layer.scalars) {
      replace(scalars_[key], said, key);
    }
    for (const auto& [key, entries] : layer.maps) {
      for (const auto& [package, said] : entries) {
        auto& known = maps_[key];
        const auto at = std::find_if(
            known.begin(), known.end(),
            [&, &package = package](const auto& entry) { return entry.first == package; });
        BoundValue& value =
            at == known.end() ? known.emplace_back(package, BoundValue()).second : at->second;
        replace(value, said, key + "." + package);
      }
    }
    for (const auto& [key, list] : layer.lists) {
      std::vector<BoundValue> values;
      for (const Said& said : list) {
        values.push_back({.name = key, .text = said.text, .position = said.position});
      }
      if (find_key(key)->shape == Shape::united_list) {
        for (BoundValue& weaker : lists_[key]) {
          const bool known = std::any_of(values.begin(), values.end(), [&](const auto& value) {
            return value.text == weaker.text;
          });
          if (!known) {
            values.push_back(std::move(weaker));
          }
        }
      }
      lists_[key] = std::move(values);
    }
  }

  BoundEnvironment shown(const std::string& name) const {
    BoundEnvironment environment{.name = name};
    for (const Key& key : k_keys) {
      if (const auto scalar = scalars_.find(key.name); scalar != scalars_.end()) {
        show(scalar->second, environment);
      }
      if (const auto map = maps_.find(key.name); map != maps_.end()) {
        for (const auto& entry : map->second) {
          show(entry.second, environment);
        }
      }
      if (const auto list = lists_.find(key.name); list != lists_.end()) {
        for (const BoundValue& value : list->second) {
          show(value, environment);
        }
      }
    }
    return environment;
  }

  ManifestEnvironment environment(const std::string& name) const {
    return {.name = name, .platforms = texts("archs"), .aliases = texts("aliases")};
  }

  Result<Wanted> wanted() const {
    Wanted wanted;
    SpecsByCategory& deps = wanted.requirements.deps;
    if (const auto python = scalars_.find("python");
        python != scalars_.end() && !is_removed(python->second)) {
      add_conda("conda", "python", python->second, wanted);
    }
    for (const std::string_view key : {"conda", "npconda"}) {
      for_each_package(key, [&](const std::string& package, const BoundValue& value) {
        add_conda(std::string(key), package, value, wanted);
      });
    }
    for_each_package("sys", [&](const std::string& package, const BoundValue& value) {
      const std::string version = without_blanks(value.text);
      const bool has_build = version.find('=') != std::string::npos;
      deps["sys"].push_back(spell_requirement(package, version + (has_build ? "" : "=0")));
    });
    std::vector<std::string> warnings;
    Result<void> read = Result<void>();
    for_each_package("pypi", [&](const std::string& package, const BoundValue& value) {
      if (read) {
        read = add_pypi(package, value, wanted);
      }
    });
    ATHANOR_TRY(std::move(read));
    for (const std::string& channel : texts("channels")) {
      wanted.requirements.sources["conda"].push_back(spell_channel(channel));
      wanted.channels.push_back(channel);
    }
    for (const std::string& index : texts("pypi-indices")) {
      wanted.requirements.sources["pypi"].push_back(spell_index(index));
      wanted.extra_indexes.push_back(index);
    }
    ATHANOR_TRY(add_extras(wanted));
    return wanted;
  }

 private:
  static bool is_removed(const BoundValue& value) { return value.text == k_removed; }

  static void replace(BoundValue& value, const Said& said, const std::string& name) {
    if (!value.name.empty()) {
      value.overridden.insert(value.overridden.begin(), {value.text, value.position});
    }
    value.name = name;
    value.text = said.is_null ? std::string(k_removed) : said.text;
    value.position = said.position;
  }

  static void show(const BoundValue& value, BoundEnvironment& environment) {
    if (!is_removed(value)) {
      environment.values.push_back(value);
    }
  }

  std::vector<std::string> texts(std::string_view key) const {
    std::vector<std::string> all;
    if (const auto list = lists_.find(key); list != lists_.end()) {
      for (const BoundValue& value : list->second) {
        all.push_back(value.text);
      }
    }
    return all;
  }

  template <typename Use>
  void for_each_package(std::string_view key, Use use) const {
    if (const auto map = maps_.find(key); map != maps_.end()) {
      for (const auto& [package, value] : map->second) {
        if (!is_removed(value)) {
          use(package, value);
        }
      }
    }
  }

  static void add_conda(const std::string& category, const std::string& package,
                        const BoundValue& value, Wanted& wanted) {
    const std::string spelled = spell_requirement(package, without_blanks(value.text));
    wanted.requirements.deps[category].push_back(spelled);
    wanted.conda.push_back({.text = without_double_equal(spelled), .position = value.position});
  }

  static Result<void> add_pypi(const std::string& package, const BoundValue& value,
                               Wanted& wanted) {
    const bool any = value.text.empty() || value.text == "*";
    const bool has_operator =
        !any && std::string_view("<>=!~@;").find(value.text.front()) != std::string_view::npos;
    const std::string line = package +
                             (any            ? ""
                              : has_operator ? ""
                                             : "==") +
                             (any ? "" : (value.text.front() == ';' ? " " : "") + value.text);
    std::vector<std::string> warnings;
    PypiLines lines(PypiDialect::requirements_txt, wanted, warnings);
    return lines.read_line(InputText{.name = value.position.file, .text = {}, .folder = {}}, line,
                           value.position.line);
  }

  Result<void> add_extras(Wanted& wanted) const {
    const auto list = lists_.find("extras");
    if (list == lists_.end()) {
      return {};
    }
    std::vector<std::string> warnings;
    PypiLines lines(PypiDialect::requirements_txt, wanted, warnings);
    for (const BoundValue& value : list->second) {
      ATHANOR_TRY(lines.read_line(InputText{.name = value.position.file, .text = {}, .folder = {}},
                                  value.text, value.position.line));
    }
    return {};
  }

  static constexpr std::string_view k_removed = "\x01";  // no text of a file: it is checked

  std::map<std::string, BoundValue, std::less<>> scalars_;
  std::map<std::string, std::vector<std::pair<std::string, BoundValue>>, std::less<>> maps_;
  std::map<std::string, std::vector<BoundValue>, std::less<>> lists_;
};

// The same on every platform.
class SettingsManifest final : public Manifest {
 public:
  void add(ManifestEnvironment environment, Wanted wanted) {
    wanted_[environment.name] = std::move(wanted);
    environments_.push_back(std::move(environment));
  }

  std::vector<ManifestEnvironment> environments() const override { return environments_; }
  std::optional<Wanted> wanted(const RequirementScope& scope) const override {
    const auto found = wanted_.find(scope.environment);
    return found == wanted_.end() ? std::nullopt : std::optional<Wanted>(found->second);
  }

 private:
  std::vector<ManifestEnvironment> environments_;
  std::map<std::string, Wanted> wanted_;
};

bool is_binding_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool has_settings_extension(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".toml";
}

// The overlays of the global file, by name.
Result<std::vector<Overlay>> find_overlays(const InputText& global) {
  std::vector<Overlay> overlays;
  const std::filesystem::path own(global.name);
  if (global.folder.empty() || !has_settings_extension(own)) {
    return overlays;
  }
  const std::string prefix = own.stem().string() + ".";
  std::error_code failed;
  for (std::filesystem::directory_iterator at(global.folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    const std::filesystem::path& path = at->path();
    const std::string stem = path.stem().string();
    if (!has_settings_extension(path) || !stem.starts_with(prefix) ||
        !is_binding_name(stem.substr(prefix.size()))) {
      continue;
    }
    if (overlays.size() == k_overlays) {
      return global.error(0, "more than " + std::to_string(k_overlays) + " bindings");
    }
    const std::string name = own.has_parent_path() ? (own.parent_path() / path.filename()).string()
                                                   : path.filename().string();
    ATHANOR_ASSIGN(InputText text, read_regular_file(name, k_settings_bytes));
    overlays.push_back({.name = stem.substr(prefix.size()), .text = std::move(text)});
  }
  std::sort(overlays.begin(), overlays.end(),
            [](const Overlay& a, const Overlay& b) { return a.name < b.name; });
  return overlays;
}

}  // namespace

bool is_settings_file(std::string_view text) {
  bool found = false;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("dependencies:") || line.starts_with("package:") ||
        line.starts_with("environments:") || line.starts_with("[workspace") ||
        line.starts_with("[project") || line.starts_with("[tool") ||
        line.starts_with("lock-version")) {
      return false;
    }
    for (const Key& key : k_keys) {
      const std::string name(key.name);
      if (name == "channels" || name == "extras" || name == "sys") {
        continue;  // Other files have these, too.
      }
      found = found || line.starts_with(name + ":") || line.starts_with(name + " =") ||
              line.starts_with("[" + name + "]");
    }
  }
  return found;
}

Result<SettingsFile> read_settings_file(InputText global) {
  ATHANOR_ASSIGN(std::vector<Overlay> overlays, find_overlays(global));
  return read_settings(std::move(global), std::move(overlays));
}

Result<SettingsFile> read_settings(InputText global, std::vector<Overlay> overlays) {
  const std::string stem = std::filesystem::path(global.name).stem().string();
  ATHANOR_ASSIGN(const Layer base, LayerReader(std::move(global)).read());
  auto manifest = std::make_unique<SettingsManifest>();
  SettingsFile result;
  const auto take = [&](const std::string& name, const Layer* overlay) -> Result<void> {
    Merger merger;
    merger.add(base);
    if (overlay != nullptr) {
      merger.add(*overlay);
    }
    ATHANOR_ASSIGN(Wanted wanted, merger.wanted());
    result.environments.push_back(merger.shown(name));
    manifest->add(merger.environment(name), std::move(wanted));
    return {};
  };
  for (Overlay& overlay : overlays) {
    const std::string name = overlay.name;
    if (!result.environments.empty() && result.environments.back().name == name) {
      return overlay.text.error(0, "two files make the environment '" + name + "'",
                                "keep one of them: .yaml, .yml or .toml");
    }
    ATHANOR_ASSIGN(const Layer layer, LayerReader(std::move(overlay.text)).read());
    ATHANOR_TRY(take(name, &layer));
  }
  if (overlays.empty()) {
    ATHANOR_TRY(take(stem, nullptr));
  }
  result.manifest = std::move(manifest);
  return result;
}

}  // namespace athanor::coordinator
